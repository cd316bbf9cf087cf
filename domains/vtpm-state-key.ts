/**
 * What the states of guests' TPMs are encrypted under, as domB gives it to the domain that serves these TPMs: an archive in front of its
 * ramdisk, which nobody else reads.
 */
export type VtpmStateKey =
  | {
      /** 32 bytes, from the machine's TPM. */
      readonly key: Buffer;
      /** The name of the NV index that tells which states are the newest. */
      readonly rootName: Buffer;
    }
  /** Why there is none in this boot. */
  | { readonly missing: string };

/** Where the domain finds it in its initramfs, without the leading slash, as in an archive. */
export const VTPM_STATE_KEY = 'domb-vtpm-state.json';

const VERSION = 1;
const KEY_SIZE = 32;

export function vtpmStateKeyText(state: VtpmStateKey): string {
  const hex =
    'missing' in state
      ? state
      : { key: state.key.toString('hex'), rootName: state.rootName.toString('hex') };
  return `${JSON.stringify({ version: VERSION, ...hex })}\n`;
}

/**
 * Reads what {@link vtpmStateKeyText} wrote.
 * @throws Error for anything else
 */
export function parseVtpmStateKey(text: string): VtpmStateKey {
  const { version, missing, key, rootName } = JSON.parse(text) as Record<string, unknown>;
  if (version === VERSION && typeof missing === 'string') return { missing };
  if (version !== VERSION || typeof key !== 'string' || typeof rootName !== 'string') {
    throw new Error(`${VTPM_STATE_KEY} is not a key of version ${VERSION}`);
  }
  const bytes = { key: Buffer.from(key, 'hex'), rootName: Buffer.from(rootName, 'hex') };
  if (bytes.key.length !== KEY_SIZE) throw new Error(`${VTPM_STATE_KEY} has no key`);
  return bytes;
}
