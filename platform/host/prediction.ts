import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { releaseFiles } from './release.ts';

/** What a release will leave in the TPM, as far as it does not depend on firmware and boot loader. */
export interface ReleasePrediction {
  pcr: number;
  /** Its final SHA-256 value, in hex. */
  sha256: string;
  /** What is measured, in order: what it is about, and a digest that stands for it. */
  items: { about: string; digest: string }[];
}

/** Of a release that was made before; undefined where nothing is known of it. */
export async function predictionOf(
  directory: string,
  release: string,
): Promise<ReleasePrediction | undefined> {
  const path = join(directory, release, releaseFiles.prediction);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ReleasePrediction);
}

/** What changes in the PCRs, in lines for people. */
export function changesBetween(
  former: ReleasePrediction | undefined,
  now: ReleasePrediction,
): string[] {
  const value = `PCR ${now.pcr} will be sha256:${now.sha256}`;
  if (former === undefined) return [value];
  if (former.sha256 === now.sha256 && former.pcr === now.pcr) {
    return [`PCR ${now.pcr} stays as it is: sha256:${now.sha256}`];
  }
  const before = new Map(former.items.map(({ about, digest }) => [about, digest]));
  const after = new Map(now.items.map(({ about, digest }) => [about, digest]));
  const changed = [...after].flatMap(([about, digest]) => {
    const old = before.get(about);
    if (old === digest) return [];
    return [old === undefined ? `  new: ${about}` : `  changed: ${about}`];
  });
  const gone = [...before.keys()].filter((about) => !after.has(about));
  return [
    `${value}, and was sha256:${former.sha256}`,
    ...changed,
    ...gone.map((about) => `  gone: ${about}`),
  ];
}
