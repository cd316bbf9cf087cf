/** Each patch of the hypervisor series builds without those that follow: what it touches, wherever our choices make a difference. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findXen, seriesPatches } from '../../../platform/hypervisor/source.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { needPackages } from '../../../platform/setup/packages.ts';
import {
  type Choice,
  compileHypervisor,
  compileLibrary,
  hypervisorFiles,
  libraryFiles,
  nameOf,
  otherChoices,
  shipped,
} from '../../lib/xen-objects.ts';

const patches = await seriesPatches();

describe('each patch builds by itself', () => {
  let scratch: string;
  let tree: string;

  before(async () => {
    needPackages('hypervisor');
    scratch = await mkdtemp(join(tmpdir(), 'domb-series-'));
    tree = join(scratch, 'source');
    await (await findXen()).unpack(tree);
  });

  after(async () => await rm(scratch, { recursive: true, force: true }));

  const output = ({ xsm, argo, bootDomain }: Choice) =>
    join(scratch, `${xsm}-${argo ? 'argo' : 'plain'}-${bootDomain ? 'boot' : 'stock'}`);
  const compile = (choice: Choice, patch: string) =>
    compileHypervisor(
      ...([tree, output(choice), choice, patch] as const),
      choice === shipped ? undefined : output(shipped),
    );

  for (const file of patches) {
    it(basename(file, '.patch'), async (t) => {
      const options = ['-p1', '--fuzz=0', '--no-backup-if-mismatch', '-s'];
      await runProgram('patch', [...options, '-d', tree, '-i', file]);
      const patch = await readFile(file, 'utf8');
      const objects = await compile(shipped, patch);
      assert.equal(objects.length, hypervisorFiles(patch).length);
      assert.deepEqual(await compileLibrary(tree, scratch, patch), libraryFiles(patch));
      const more = otherChoices(patch);
      const there = await Promise.all(more.map((choice) => compile(choice, patch)));
      for (const [index, choice] of more.entries()) {
        t.diagnostic(`${nameOf(choice)}: ${there[index]?.length} objects`);
      }
    });
  }

  it('and what would not build is found', async () => {
    const patch = 'diff --git a/xen/common/argo.c b/xen/common/argo.c\n';
    await appendFile(join(tree, 'xen/common/argo.c'), 'int unused(void) { return missing(); }\n');
    await assert.rejects(compile(shipped, patch), /missing/);
    await appendFile(join(tree, 'tools/libs/ctrl/xc_argo.c'), 'int wrong(void) { return xch; }\n');
    const library = 'diff --git a/tools/libs/ctrl/xc_argo.c b/tools/libs/ctrl/xc_argo.c\n';
    await assert.rejects(compileLibrary(tree, scratch, library), /xch/);
  });
});
