package io.meshcapture.doctor;

/** How much a finding matters. */
public enum Severity {
    /** As it should be. */
    OK,
    /** Good to know; healthy hosts have some. */
    NOTE,
    /** Capture works, and something may go wrong later or for some. */
    WARNING,
    /** Capture cannot work, or does harm. */
    PROBLEM
}
