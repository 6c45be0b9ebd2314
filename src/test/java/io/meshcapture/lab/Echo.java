package io.meshcapture.lab;

/** What became of bytes that were sent down an open connection. */
public enum Echo {
    /** They came back. */
    ANSWERED,
    /** The connection is dead: reset, by the peer or by the kernel. */
    RESET,
    /** The other side has closed it in an orderly way. */
    CLOSED,
    /** Nothing came back in time. */
    SILENT
}
