import type { Check } from '../checks/check.ts';
import type { requiredProperties } from '../checks/required-somewhere.ts';
import type { DomainDocument } from '../generated/manifest.ts';
import type { DomainSettings, ImageComponent } from '../manifest.ts';

/** A domain of a document without problems. */
export type CompleteDomain = DomainDocument &
  Required<Pick<DomainDocument, (typeof requiredProperties)[number][0]>>;

/**
 * Who acts on a property. A unit test makes a boot with each property and one without it, and finds the difference just
 * where the property says.
 */
export type Consumer =
  /** What the hypervisor is asked for. */
  | 'creation'
  /** What the domain is built from. */
  | 'build'
  /** Which steps the boot has, and their order. */
  | 'steps'
  /** What is measured, or refused when it is measured; the configuration has everything in any case. */
  | 'measurement'
  /** What domain 0 is told. */
  | 'record'
  /** What a boot ends in when a step of this domain fails. */
  | 'failure';

/** Names and values as `domb plan` shows them, in their order. */
export type Details = Record<string, string | number>;

/** What is known where details are shown. */
export interface Showing {
  /** The register of the platform. */
  platformPcr: number;
  /** The image that a step is about. */
  image?: { component: ImageComponent; segment: number };
}

export type DetailedStep = 'create-domain' | 'build-domain' | 'measure-domain' | 'measure-image';

/** How `domb plan` shows a property: with a step of the domain, or by the steps themselves. */
export type Shown =
  | 'steps'
  | { with: DetailedStep; details: (domain: DomainSettings, showing: Showing) => Details };

/** All that the project knows of one property of a domain. */
export interface Property<
  Read extends object,
  Asks extends object,
  Changeable extends boolean = boolean,
> {
  /** The rules about it, beyond the schema. */
  checks: readonly Check[];
  /** Its part of the effective configuration, with what holds where a manifest says nothing. */
  read(domain: CompleteDomain, platformPcr: number): Read;
  /** Its part of what the hypervisor is asked for. */
  asks(domain: DomainSettings): Asks;
  shown: Shown;
  honouredBy: readonly [Consumer, ...Consumer[]];
  /** Whether boot scripts may change it; identity, label, rights and images are the manifest's alone. */
  changeable: Changeable;
}

/** Notes a property with the types of its parts. */
export function property<
  Read extends object,
  Asks extends object,
  const Changeable extends boolean,
>(parts: Property<Read, Asks, Changeable>): Property<Read, Asks, Changeable> {
  return parts;
}

/** For what the hypervisor need not know. */
export const asksNothing = (): Record<never, never> => ({});

/** Shown where a domain is created; undefined for what is as usual. */
export function atCreation(
  details: (domain: DomainSettings) => Details | undefined,
): Exclude<Shown, 'steps'> {
  return { with: 'create-domain', details: (domain) => details(domain) ?? {} };
}
