import { parse } from 'yaml';

/**
 * Whether a manifest says itself that a failed boot is to halt the machine, and does not leave it at the default.
 * @param bytes of a manifest that was loaded without a problem
 */
export function saysHalt(bytes: Uint8Array): boolean {
  const { platform } = parse(Buffer.from(bytes).toString()) as {
    platform?: Record<string, unknown>;
  };
  // As version 1 and later ones spell it.
  return platform?.['on-failure'] === 'halt' || platform?.on_failure === 'halt';
}
