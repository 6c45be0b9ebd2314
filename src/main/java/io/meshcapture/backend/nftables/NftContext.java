package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.LibC;
import io.meshcapture.ffi.LibNftables;

/** A libnftables context of the calling thread, and what its answers mean. Works in the thread's network namespace. */
final class NftContext implements AutoCloseable {

    /** linux/netlink.h. */
    private static final int NETLINK_NETFILTER = 12;

    private final LibNftables library;
    private long context;

    private NftContext(LibNftables library, long context) {
        this.library = library;
        this.context = context;
    }

    /**
     * Opens a context.
     *
     * @throws Failure.Unavailable where libnftables or the kernel's nf_tables is missing, or a sandbox is in the way
     */
    static NftContext open() {
        LibNftables library = LibNftables.load();
        requireSocket();
        long context = library.contextNew();
        if (context == 0) {
            throw new Failure.Unavailable(
                    "libnftables cannot open its netlink socket",
                    "this kernel has no nf_tables, or the sandbox forbids netlink",
                    "load the module with: modprobe nf_tables");
        }
        return new NftContext(library, context);
    }

    /** libnftables 1.0.6 and 1.1.3 end the whole process where they get no socket (netlink_open_error()): it is tried first. */
    private static void requireSocket() {
        LibC libc = LibC.load();
        int socket = libc.netlinkSocket(NETLINK_NETFILTER);
        if (socket < 0) {
            throw Refusal.ofSocket(-socket);
        }
        libc.close(socket);
    }

    /** Runs a batch; the answer says whether it was taken, with what the library printed. */
    Answer run(String batch, int outputFlags) {
        if (context == 0) {
            throw new IllegalStateException("the context is closed");
        }
        library.setOutputFlags(context, LibNftables.OUTPUT_NUMERIC_PRIO | outputFlags);
        int status = library.run(context, batch);
        return new Answer(status == 0, library.output(context), library.error(context));
    }

    /**
     * What the library answered.
     *
     * @param accepted whether the batch was taken
     * @param output what nft would print on standard output
     * @param error what nft would print on standard error; notes may stand here although the batch was taken
     */
    record Answer(boolean accepted, String output, String error) {}

    @Override
    public void close() {
        if (context != 0) {
            library.contextFree(context);
            context = 0;
        }
    }
}
