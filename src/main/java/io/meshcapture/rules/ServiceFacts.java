package io.meshcapture.rules;

import io.meshcapture.plan.ServiceName;

/**
 * What the live state says about a service besides its entries.
 *
 * @param name its name
 * @param digest 16 hexadecimal digits over everything that its capture consists of; equal digests mean equal capture
 */
public record ServiceFacts(ServiceName name, String digest) {}
