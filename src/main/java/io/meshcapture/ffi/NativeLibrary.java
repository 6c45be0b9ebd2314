package io.meshcapture.ffi;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.Library;
import com.kenai.jffi.Type;
import io.meshcapture.failure.Failure;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A loaded shared library and the way to call its functions. */
final class NativeLibrary {

    /** Why jffi's stub did not load. A second try would only be told that a class could not be initialized. */
    private static @Nullable String withoutStub;

    private static @Nullable NativeLibrary c;

    private final String name;
    private final String mend;
    private final Library library;

    private NativeLibrary(String name, String mend, Library library) {
        this.name = name;
        this.mend = mend;
        this.library = library;
    }

    /**
     * Loads a library by the name that the dynamic loader knows.
     *
     * @param mend what to do where it is missing
     */
    static synchronized NativeLibrary load(String name, String mend) {
        if (withoutStub != null) {
            throw stubMissing(withoutStub);
        }
        try {
            Library library = Library.getCachedInstance(name, Library.LAZY | Library.LOCAL);
            if (library == null) {
                throw new Failure.Unavailable(name + " cannot be loaded", Library.getLastError(), mend);
            }
            return new NativeLibrary(name, mend, library);
        } catch (LinkageError e) {
            // jffi's own stub did not load; the sentence that helps is the innermost cause
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            // jffi puts the stack traces of its attempts into the message
            withoutStub = String.valueOf(cause.getMessage())
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("\t"))
                    .map(line -> line.strip().replace("java.lang.UnsatisfiedLinkError: ", ""))
                    .collect(Collectors.joining(", "));
            throw stubMissing(withoutStub);
        }
    }

    /**
     * The C library, loaded at the first call: what goes wrong in a static field's initializer would not say why.
     * {@code libc.so.6} is glibc's name; musl maps it onto itself.
     */
    static synchronized NativeLibrary ofC() {
        if (c == null) {
            c = load("libc.so.6", "install meshcapture for this system's architecture and C library");
        }
        return c;
    }

    private static Failure stubMissing(String because) {
        return new Failure.Unavailable(
                "jffi's native stub cannot be loaded",
                because,
                "start the program by bin/meshcapture, which brings the stub with it, "
                        + "or point java.io.tmpdir at a directory that allows execution");
    }

    /** Whether the library has a function. */
    boolean has(String symbol) {
        return library.getSymbolAddress(symbol) != 0;
    }

    /** A function that returns an int, a long or a pointer; parameters likewise. */
    Function function(String symbol, Type result, Type... parameters) {
        long address = library.getSymbolAddress(symbol);
        if (address == 0) {
            throw new Failure.Unavailable(name + " is too old", "it has no function " + symbol, mend);
        }
        return new Function(
                address,
                CallContext.getCallContext(result, parameters, CallingConvention.DEFAULT, /* saveErrno */ true));
    }

    /** One C function. Safe for use by several threads as far as the C function is. */
    static final class Function {
        private static final Invoker INVOKER = Invoker.getInstance();

        private final long address;
        private final CallContext context;

        private Function(long address, CallContext context) {
            this.address = address;
            this.context = context;
        }

        long call(long a) {
            return INVOKER.invokeN1(context, address, a);
        }

        long call(long a, long b) {
            return INVOKER.invokeN2(context, address, a, b);
        }

        long call(long a, long b, long c) {
            return INVOKER.invokeN3(context, address, a, b, c);
        }

        long call(long a, long b, long c, long d) {
            return INVOKER.invokeN4(context, address, a, b, c, d);
        }

        long call(long a, long b, long c, long d, long e) {
            return INVOKER.invokeN5(context, address, a, b, c, d, e);
        }

        long call(long a, long b, long c, long d, long e, long f) {
            return INVOKER.invokeN6(context, address, a, b, c, d, e, f);
        }
    }
}
