import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findXen, seriesPatches } from '../platform/hypervisor/source.ts';
import { runProgram } from '../platform/lib/run.ts';
import { needPackages } from '../platform/setup/packages.ts';
import { choices, compileObjects, nameOf, touchedFiles } from '../test/lib/xen-objects.ts';

/**
 * Whether each patch of the hypervisor series builds without those that follow: applies one after the other, and compiles what it touches in
 * every configuration that it could matter in. Says a line for each, and ends with 1 when one fails. Usage: node bench/series.ts
 */

/** What depends on headers that patches change without a file of their own. */
const always = ['common/domain.c', 'common/domctl.c', 'xsm/xsm_core.c'];

needPackages('hypervisor');
const scratch = await mkdtemp(join(tmpdir(), 'series-'));
try {
  const tree = join(scratch, 'xen');
  await (await findXen()).unpack(tree);
  for (const patch of await seriesPatches()) {
    await runProgram('patch', [
      '-p1',
      '--fuzz=0',
      '--no-backup-if-mismatch',
      '-d',
      tree,
      '-i',
      patch,
    ]);
    const text = await readFile(patch, 'utf8');
    if (!/^diff --git a\/xen\//m.test(text)) {
      console.log(`${basename(patch)}: nothing of the hypervisor`);
      continue;
    }
    for (const choice of choices) {
      const files = [...new Set([...touchedFiles([text]), ...always])];
      const said = await compileObjects(tree, join(scratch, nameOf(choice)), choice, files).then(
        (count) => `${count} files`,
        (error: Error) => `FAILED: ${error.message}`,
      );
      if (said.startsWith('FAILED')) process.exitCode = 1;
      console.log(`${basename(patch)}: ${nameOf(choice)}: ${said}`);
    }
  }
} finally {
  await rm(scratch, { recursive: true });
}
