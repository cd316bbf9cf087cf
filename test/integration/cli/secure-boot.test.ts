import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readReference } from '../../../measurement/evidence/reference.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { documented } from '../../documentation/table.ts';
import { domb, file } from '../../lib/domb.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { signImage } from '../../lib/sign-image.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

/** The key that Debian's ovmf package enrols in its variables for tests, and these variables. */
const snakeoil = '/usr/share/ovmf/PkKek-1-snakeoil';
const variables = '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd';

/** What a TPM held in QEMU when OVMF of Debian 12 had started a file that is signed with that key. */
const HELD = {
  sha1: '9cffa8bb8d3c3ceda64c0e38271d5674b881fdbc',
  sha256: '02a4f904010ebddfb1ce765622af8d48ac2408422e220ad4eed1e1856407f704',
};
/** The same without keys. */
const WITHOUT_KEYS = '65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068';

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secure-boot-'));
  await mkdir(at('images'));
  await copyFile(file('boot-configs/demo.yaml'), at('platform.yaml'));
  await writeFile(at('images/vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['vtpm', 'dom0']) {
    await writeFile(at(`images/${name}.cpio.zst`), ramdiskWith(name));
  }
  const key = at('snakeoil.key');
  const decrypt = ['-passin', 'pass:snakeoil', '-in', `${snakeoil}.key`, '-out', key];
  await runProgram('openssl', ['rsa', ...decrypt]);
  const image = buildPe({ sections: [{ name: '.text', contents: Buffer.alloc(99, 1) }] });
  const certificate = `${snakeoil}.pem`;
  await writeFile(at('boot.efi'), await signImage(image, { key, certificate }));
  await writeFile(at('unsigned.efi'), image);
  await copyFile(variables, at('OVMF_VARS_4M.snakeoil.fd'));
});
after(() => rm(directory, { recursive: true }));

const predict = (...options: string[]) =>
  domb([...['predict', at('platform.yaml'), '--no-policy', '--images', at('images')], ...options]);

test('as documented: PCR 7 from an .fd file is the one that firmware leaves', async () => {
  const line = documented.find(({ command }) => /^domb predict .*snakeoil/.test(command));
  const command = line?.command ?? '';
  const words = command.split(' ').slice(1);
  const argv = words.map((word, i) => (i > 0 && !word.startsWith('--') ? at(word) : word));
  const { status, out, error } = await domb([...argv, '--no-policy', '--json']);
  assert.equal(status, 0, error);
  const { pcrs, events } = JSON.parse(out);
  for (const [bank, value] of Object.entries(HELD)) assert.equal(pcrs[bank][7], value, bank);
  assert.ok(events.some(({ text }: { text: string }) => text === 'SecureBoot: on'));
});

test('a reference has PCR 4 and 7', async () => {
  const options = ['--efi', at('boot.efi'), '--secure-boot', at('OVMF_VARS_4M.snakeoil.fd')];
  const { status, error } = await predict(...options, '--reference-out', at('p.reference'));
  assert.equal(status, 0, error);
  const { pcrs } = readReference(await readFile(at('p.reference')));
  assert.deepEqual([...(pcrs.get('sha256')?.keys() ?? [])], [4, 7]);
  assert.equal(pcrs.get('sha256')?.get(7)?.toString('hex'), HELD.sha256);
});

test('without keys any file starts', async () => {
  for (const source of ['none', '/usr/share/OVMF/OVMF_VARS_4M.fd']) {
    const { out } = await predict('--efi', at('unsigned.efi'), '--secure-boot', source, '--json');
    assert.equal(JSON.parse(out).pcrs.sha256[7], WITHOUT_KEYS);
  }
});

test('a file that would not start, and sources that are none, are said', async () => {
  const source = ['--secure-boot', at('OVMF_VARS_4M.snakeoil.fd')];
  const cases: [string[], number, RegExp][] = [
    [[...source, '--efi', at('unsigned.efi')], 1, /Secure Boot would not start it: it is not sign/],
    [['--secure-boot', at('boot.efi'), '--efi', at('boot.efi')], 1, /not a variable store of UEFI/],
    [['--secure-boot', at('nothing'), '--efi', at('boot.efi')], 1, /there is no file of this name/],
    [['--secure-boot', at('images'), '--efi', at('boot.efi')], 1, /nor PK.esl is in it/],
    [source, 2, /name the EFI file with --efi/],
  ];
  for (const [options, expected, message] of cases) {
    const { status, error } = await predict(...options);
    assert.equal(status, expected, error);
    assert.match(error, message);
  }
});
