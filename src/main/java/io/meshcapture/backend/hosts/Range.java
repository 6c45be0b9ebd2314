package io.meshcapture.backend.hosts;

/**
 * Whole lines of a file.
 *
 * @param start of the first byte
 * @param end behind the last byte
 */
record Range(int start, int end) {}
