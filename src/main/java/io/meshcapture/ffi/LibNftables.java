package io.meshcapture.ffi;

import com.kenai.jffi.Type;
import org.jspecify.annotations.Nullable;

/**
 * libnftables(3), ABI 1: a batch of nft text goes in, text comes out.
 *
 * <p>One context belongs to one thread. Its buffers belong to the context and change at the next run, so they are
 * copied at once.
 */
public final class LibNftables {

    /** Counters and timeouts are left out (nftables/libnftables.h, NFT_CTX_OUTPUT_*). */
    public static final int OUTPUT_STATELESS = 1 << 2;

    /** Rules are listed with their handles. */
    public static final int OUTPUT_HANDLE = 1 << 3;

    /** Hook priorities as numbers: 1.0.6 and 1.1 spell the names differently. */
    public static final int OUTPUT_NUMERIC_PRIO = 1 << 8;

    /** Sets and maps are listed without their elements. */
    public static final int OUTPUT_TERSE = 1 << 11;

    private static final String NAME = "libnftables.so.1";

    private static @Nullable LibNftables loaded;

    private final NativeLibrary.Function contextNew;
    private final NativeLibrary.Function contextFree;
    private final NativeLibrary.Function setOutputFlags;
    private final NativeLibrary.Function bufferOutput;
    private final NativeLibrary.Function bufferError;
    private final NativeLibrary.Function getOutput;
    private final NativeLibrary.Function getError;
    private final NativeLibrary.Function run;

    private LibNftables(NativeLibrary library) {
        contextNew = library.function("nft_ctx_new", Type.POINTER, Type.UINT32);
        contextFree = library.function("nft_ctx_free", Type.VOID, Type.POINTER);
        setOutputFlags = library.function("nft_ctx_output_set_flags", Type.VOID, Type.POINTER, Type.UINT32);
        bufferOutput = library.function("nft_ctx_buffer_output", Type.SINT32, Type.POINTER);
        bufferError = library.function("nft_ctx_buffer_error", Type.SINT32, Type.POINTER);
        getOutput = library.function("nft_ctx_get_output_buffer", Type.POINTER, Type.POINTER);
        getError = library.function("nft_ctx_get_error_buffer", Type.POINTER, Type.POINTER);
        run = library.function("nft_run_cmd_from_buffer", Type.SINT32, Type.POINTER, Type.POINTER);
    }

    /**
     * Loads the library at the first call that succeeds. Not by a class initializer: that fails once, for whoever comes
     * first, and tells the others only that it did.
     *
     * @throws io.meshcapture.failure.Failure.Unavailable where it is missing or too old
     */
    public static synchronized LibNftables load() {
        if (loaded == null) {
            loaded = new LibNftables(
                    NativeLibrary.load(NAME, "install libnftables, for example with: apt-get install libnftables1"));
        }
        return loaded;
    }

    /** {@code nft_ctx_new(NFT_CTX_DEFAULT)} with both buffers switched on; 0 where there is no netlink socket. */
    public long contextNew() {
        long context = contextNew.call(0);
        if (context != 0) {
            bufferOutput.call(context);
            bufferError.call(context);
        }
        return context;
    }

    public void contextFree(long context) {
        contextFree.call(context);
    }

    public void setOutputFlags(long context, int flags) {
        setOutputFlags.call(context, flags);
    }

    /** Runs a batch; 0 for success. A failed batch has changed nothing. */
    public int run(long context, String batch) {
        try (NativeText text = new NativeText(batch)) {
            return (int) run.call(context, text.address());
        }
    }

    public String output(long context) {
        return NativeText.copy(getOutput.call(context));
    }

    /** What nft would have printed on standard error; not always empty after success. */
    public String error(long context) {
        return NativeText.copy(getError.call(context));
    }
}
