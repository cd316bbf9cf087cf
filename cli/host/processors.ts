import { readFileSync } from 'node:fs';

/** What Linux says of this machine's processors; empty where it says nothing. */
export function processors(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
