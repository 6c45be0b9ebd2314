package io.meshcapture.ffi;

import com.kenai.jffi.MemoryIO;
import java.nio.charset.StandardCharsets;

/** A NUL-terminated UTF-8 copy of a string in native memory, freed by {@link #close}. */
final class NativeText implements AutoCloseable {

    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private final long address;

    /** A NUL inside would end the C string early and silently, so it is refused. */
    NativeText(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("NUL in a text for C");
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        address = MEMORY.allocateMemory(bytes.length + 1L, false);
        MEMORY.putByteArray(address, bytes, 0, bytes.length);
        MEMORY.putByte(address + bytes.length, (byte) 0);
    }

    long address() {
        return address;
    }

    /** A copy of C's string, the empty one for NULL. */
    static String copy(long address) {
        return address == 0 ? "" : new String(MEMORY.getZeroTerminatedByteArray(address), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        MEMORY.freeMemory(address);
    }
}
