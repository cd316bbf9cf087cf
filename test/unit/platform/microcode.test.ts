import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hostMicrocode, microcodePackage } from '../../../platform/host/microcode.ts';
import { runProgram } from '../../../platform/lib/run.ts';

const intel = (more = '') => `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 142
model name\t: Intel(R) Core(TM)
stepping\t: 10
flags\t\t: fpu vme de${more}

processor\t: 1
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 142
stepping\t: 10
`;
const amd = 'vendor_id\t: AuthenticAMD\ncpu family\t: 23\nmodel\t\t: 1\nstepping\t: 2\n';

function host(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'domb-microcode-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, 'lib/firmware', path, '..'), { recursive: true });
    writeFileSync(join(root, 'lib/firmware', path), text);
  }
  return root;
}

/** As Debian's cpio reads an archive. */
async function unpacked(t: TestContext, archive: Buffer, name: string): Promise<string> {
  const directory = host(t, { archive: '' });
  writeFileSync(join(directory, 'archive'), archive);
  return runProgram(
    'sh',
    ['-c', `cpio --quiet -idm <archive && find kernel -type f && cat kernel/x86/microcode/${name}`],
    { cwd: directory },
  );
}

test("microcode of this host's processors of Intel, where Xen and Linux look for it", async (t) => {
  const root = host(t, {
    'intel-ucode/06-8e-0a': 'of these',
    'intel-ucode/06-8e-0a.initramfs': ', early',
    'intel-ucode/06-8e-09': 'of others',
    'amd-ucode/microcode_amd.bin': 'of others',
  });
  const found = hostMicrocode(root, intel());
  assert.deepEqual(
    found?.files.map((path) => path.replace(`${root}/lib/firmware/`, '')),
    ['intel-ucode/06-8e-0a', 'intel-ucode/06-8e-0a.initramfs'],
  );
  const path = 'kernel/x86/microcode/GenuineIntel.bin';
  assert.equal(
    await unpacked(t, found?.archive ?? Buffer.alloc(0), 'GenuineIntel.bin'),
    `${path}\nof these, early`,
  );
  // Linux wants what follows at a multiple of four bytes.
  assert.equal((found?.archive.length ?? 1) % 4, 0);
});

test('of AMD, all files: each says itself for which processors it is', async (t) => {
  const root = host(t, {
    'amd-ucode/microcode_amd_fam17h.bin': 'two',
    'amd-ucode/microcode_amd.bin': 'one ',
    'amd-ucode/microcode_amd.bin.asc': 'a signature',
    'amd-ucode/README': 'words',
  });
  const found = hostMicrocode(root, amd);
  assert.equal(
    await unpacked(t, found?.archive ?? Buffer.alloc(0), 'AuthenticAMD.bin'),
    'kernel/x86/microcode/AuthenticAMD.bin\none two',
  );
});

test('none, where there is none, or none for these', (t) => {
  assert.equal(hostMicrocode(host(t, {}), intel()), undefined);
  assert.equal(hostMicrocode(host(t, { 'intel-ucode/06-8e-09': '' }), intel()), undefined);
  assert.equal(hostMicrocode(host(t, { 'amd-ucode/microcode_amd.bin': '' }), 'other'), undefined);
});

test('the package that would bring it, and none for the processors of a virtual machine', () => {
  assert.equal(microcodePackage(intel()), 'intel-microcode');
  assert.equal(microcodePackage(amd), 'amd64-microcode');
  assert.equal(microcodePackage(intel(' hypervisor')), undefined);
  assert.equal(microcodePackage(''), undefined);
});
