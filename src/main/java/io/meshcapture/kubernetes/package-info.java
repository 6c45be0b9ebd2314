/**
 * How does capture get into a pod?
 *
 * <p>Manifests are read with snakeyaml for the places of things, and changed as text: a few insertions, replacements and
 * removals, so that comments, order, quotes and anchors of everything else stay byte for byte. What comes out is read
 * again, and has to say the same as before but for what was meant to change; otherwise nothing is written.
 *
 * <p>{@link io.meshcapture.kubernetes.Manifest} is a file, {@link io.meshcapture.kubernetes.Workload} a place in it that
 * describes pods, {@link io.meshcapture.kubernetes.CaptureContainer} what goes in there, with
 * {@link io.meshcapture.kubernetes.PodNames} for services by name, {@link io.meshcapture.kubernetes.PodLists} the lists that it
 * goes into, and {@link io.meshcapture.kubernetes.PlanDocuments} the plan behind the pods.
 * {@link io.meshcapture.kubernetes.Injection} puts all that in or takes it out, and
 * {@link io.meshcapture.kubernetes.AdmissionPolicy} has the API server do it.
 */
@NullMarked
package io.meshcapture.kubernetes;

import org.jspecify.annotations.NullMarked;
