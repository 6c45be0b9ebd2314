/**
 * Does what we hand out work where it is put? These tests run the distribution in {@code target/meshcapture} as a user
 * would: other places, other environments, read-only and noexec file systems, closed streams, mixed installations. Maven
 * lays the distribution out just before them. They need root, for namespaces of their own.
 */
package io.meshcapture.distribution;
