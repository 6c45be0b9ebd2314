/**
 * How is a C function called?
 *
 * <p>The only room that imports JNR. It uses jffi, the layer under jnr-ffi's interfaces, directly: a mapped interface
 * costs a start-up of its own (annotations read by reflection, a proxy or generated classes that no archive covers),
 * 50 to 100 ms for the dozen functions that are called here, against about 10 ms this way. Each library is one class
 * with a method per function, in C's own names, that takes and returns plain Java values; nothing else about C leaves
 * this room. No structs are mapped: the few fields that are needed are read at offsets that every 64-bit Linux shares.
 *
 * <p>Libraries are named as the dynamic loader names them ({@code libnftables.so.1}): a bare name would make jnr-ffi
 * search directories itself, take any ABI version, and miss {@code lib64} on aarch64. A function that a library lacks
 * is found when it is first asked for and reported with the library's name, never as a crash.
 */
@NullMarked
package io.meshcapture.ffi;

import org.jspecify.annotations.NullMarked;
