import { existsSync, readFileSync } from 'node:fs';
import type { HostPlaces } from '../../platform/host/places.ts';
import { Failure } from '../command.ts';

/** How this host was installed, beside the manifest: /etc/domb/install.json. */
export interface HostChoices {
  version: 1;
  /** A kernel release; the newest one when left out. */
  kernel?: string;
  /** More of Xen's command line. */
  xenOptions: string;
  /** A FLASK policy of the operator's own; ours when left out. */
  policy?: string;
  /** Firmware starts it, and not GRUB; with the files of a key and its certificate for Secure Boot. */
  efi?: { key?: string; certificate?: string };
  /** The manifest has a signature that every boot checks. */
  signed: boolean;
}

/** The same, or nothing where domb is not installed. */
export function knownChoices(places: HostPlaces): HostChoices | undefined {
  return existsSync(places.choices) ? readChoices(places) : undefined;
}

/** @throws Failure where domb is not installed on this host */
export function readChoices(places: HostPlaces): HostChoices {
  try {
    return JSON.parse(readFileSync(places.choices, 'utf8')) as HostChoices;
  } catch {
    throw new Failure(
      `${places.choices} can't be read: no manifest is installed on this host`,
      'run "domb install MANIFEST" first',
    );
  }
}
