package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import java.io.IOException;

/** What the kernel would not do with a file. */
public final class FileRefusal extends IOException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    FileRefusal(String call, int errno) {
        super(call + ": " + Errno.words(errno));
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }
}
