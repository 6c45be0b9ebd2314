/** What users are told when something goes wrong. */
@org.jspecify.annotations.NullMarked
package io.meshcapture.failure;
