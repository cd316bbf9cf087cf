import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { HandoverRecord } from '../../daemon/plan/record.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import { readEvidence } from '../../measurement/evidence/evidence.ts';
import type { Verdict } from '../../measurement/evidence/verdict.ts';
import { verifyEvidence } from '../../measurement/evidence/verify.ts';

/** The record that domB handed over. */
export function handedOverRecord(files: ReadonlyMap<string, Buffer>): HandoverRecord {
  const record = files.get('record.json');
  if (!record) throw new Error(`the hand-over has no record, only ${[...files.keys()].join(', ')}`);
  return JSON.parse(record.toString()) as HandoverRecord;
}

/** Writes the hand-over to `directory`, and judges it as a verifier would who has nothing else. */
export async function bootVerdict(
  directory: string,
  files: ReadonlyMap<string, Buffer>,
  manifest: Manifest,
  items: readonly MeasuredItem[],
): Promise<Verdict> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
  const evidence = await readEvidence(directory);
  const { pcr, bootPcr } = manifest.platform.measurement;
  return verifyEvidence(evidence, { nonce: 'boot', pcr, bootPcr, items });
}
