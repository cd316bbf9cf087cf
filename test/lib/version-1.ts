/** Keys that version 1 of the manifest spells with hyphens. */
export const renamed = [
  'on_failure',
  'boot_pcr',
  'max_grant_frames',
  'max_maptrack_frames',
  'max_event_channels',
];

/** A manifest of version 2 as version 1 writes it; everything keeps its place. */
export function asVersion1(text: string): string {
  const keys = new RegExp(`\\b(${renamed.join('|')})(?=\\s*:)`, 'g');
  return text
    .replace(/^version: 2$/m, 'version: 1')
    .replace(keys, (key) => key.replaceAll('_', '-'));
}
