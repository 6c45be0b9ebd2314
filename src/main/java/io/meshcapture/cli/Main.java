package io.meshcapture.cli;

/** The entry point. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.out.println("meshcapture");
    }
}
