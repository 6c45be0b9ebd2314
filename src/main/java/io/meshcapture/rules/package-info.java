/**
 * In what order is a connection decided?
 *
 * <p>One structure, {@link io.meshcapture.rules.Decision}, compiled from the plan: guards, the plan's own exceptions,
 * look-ups by caller and destination, and what capture means at the end. Each step says why. The backends render it,
 * {@code explain} walks it, and nothing else knows the order. Pure.
 *
 * <p>The services of one rank are asked in the plan's order, which a chain of rules would give for free and a hash or
 * an interval tree cannot. So what would be rule after rule is laid into look-ups one behind the other: an entry goes
 * into the look-up after the last one that holds an earlier entry which a connection could fit as well. Ten thousand
 * services that do not overlap need two look-ups, one for exceptions and one for captures; only entries that really
 * compete make more.
 */
@NullMarked
package io.meshcapture.rules;

import org.jspecify.annotations.NullMarked;
