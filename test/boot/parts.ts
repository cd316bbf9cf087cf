import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Parts, platformParts, type ReportWork } from '../../platform/demo/parts.ts';
import { RUN_DIRECTORY } from '../runner/costs.ts';

const quiet: ReportWork = (_what, work) => work();

/**
 * Everything the platform is made of; the first caller of a run builds it, or finds it in the cache, which takes some seconds.
 */
export async function parts(): Promise<Parts> {
  const run = process.env[RUN_DIRECTORY];
  if (run === undefined) return platformParts(quiet);
  const file = join(run, 'parts.json');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) {
    const { images, ...others } = JSON.parse(known);
    return { ...others, images: new Map(images) };
  }
  const built = await platformParts(quiet);
  // In one step: another file may read it at the same time.
  await writeFile(
    `${file}.${process.pid}`,
    JSON.stringify({ ...built, images: [...built.images] }),
  );
  await rename(`${file}.${process.pid}`, file);
  return built;
}
