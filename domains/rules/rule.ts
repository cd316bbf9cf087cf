import type { DomainProperties } from '../settings.ts';

/** What is wrong with a domain, in the words of a manifest, and what to do about it. */
export interface Fault {
  message: string;
  hint: string;
}

/** Properties as far as they are known: in a manifest with mistakes, one that was refused is undefined. */
export type Known<K extends keyof DomainProperties> = {
  readonly [P in K]: DomainProperties[P] | undefined;
};
