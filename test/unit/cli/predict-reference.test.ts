import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { predictPcr4 } from '../../../measurement/firmware/pcr4.ts';
import { domb, file } from '../../lib/domb.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');

let directory: string;
const at = (name: string): string => join(directory, name);
/** The command line that predicts from the manifest, and what it gives. */
let fromManifest: string[];
let predicted: { events: { pcr: number }[]; pcrs: Record<string, Record<string, string>> };

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-reference-'));
  await writeFile(at('vmlinux'), elf({ notes: pvNotes }));
  await writeFile(at('vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  await writeFile(at('dom0.cpio.zst'), ramdiskWith('domain 0'));
  await writeFile(at('boot.efi'), buildPe());
  const images = ['--no-policy', '--images', directory];
  fromManifest = ['predict', demo, ...images, '--efi', at('boot.efi')];
  const { status, out } = await domb([
    ...fromManifest,
    ...['--json', '--banks', 'sha256,sha384', '--reference-out', at('with-pcr4')],
  ]);
  assert.equal(status, 0);
  predicted = JSON.parse(out);
  await domb(['predict', demo, ...images, '--reference-out', at('without')]);
});

after(() => rm(directory, { recursive: true }));

const show = (name: string, ...options: string[]) =>
  domb(['predict', '--reference', at(name), '--allow-unsigned', ...options]);

test('a reference gives the values that its manifest gives, in its banks or the chosen ones', async () => {
  const { status, out } = await show('with-pcr4', '--json');
  assert.equal(status, 0);
  const { events, pcrs } = JSON.parse(out);
  assert.deepEqual(pcrs, predicted.pcrs);
  assert.deepEqual(Object.keys(pcrs.sha256 ?? {}), ['4', '13']);
  // Firmware's events are not in a reference, only their outcome.
  assert.deepEqual(
    events,
    predicted.events.filter(({ pcr }) => pcr === 13),
  );
  const chosen = JSON.parse((await show('with-pcr4', '--json', '--banks', 'sha384')).out);
  assert.deepEqual(chosen.pcrs, { sha384: predicted.pcrs.sha384 });
  const { pcrs: usual } = JSON.parse((await show('without', '--json')).out);
  assert.deepEqual(Object.keys(usual), ['sha1', 'sha256', 'sha384', 'sha512']);
  assert.deepEqual(usual.sha256, { 13: predicted.pcrs.sha256?.[13] });
});

test('people see the same, firmware’s values apart', async () => {
  const { status, out } = await show('with-pcr4', '--banks', 'sha256');
  assert.equal(status, 0);
  const { values } = await predictPcr4(at('boot.efi'), ['sha256']);
  assert.match(out, new RegExp(`^ {2}sha256\n {4}13 {2}${predicted.pcrs.sha256?.[13]}$`, 'm'));
  const pcr4 = values.get('sha256')?.toString('hex');
  assert.match(out, new RegExp(`^Firmware's PCR values\n {2}sha256\n {5}4 {2}${pcr4}\n$`, 'm'));
  assert.doesNotMatch((await show('without')).out, /Firmware/);
});

test('somebody must vouch for it', async () => {
  const argv = ['predict', '--reference', at('without')];
  assert.match((await domb(argv)).error, /nobody vouches for/);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  await writeFile(at('public.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const reference = Buffer.from('{}');
  await writeFile(at('signed'), reference);
  await writeFile(at('signed.sig'), sign(null, Buffer.from('other'), privateKey));
  const signed = ['predict', '--reference', at('signed'), '--key', at('public.pem')];
  assert.match((await domb(signed)).error, /signed: .*signature/);
  await writeFile(at('signed.sig'), sign(null, reference, privateKey));
  const { status, error } = await domb(signed);
  assert.equal(status, 1);
  assert.match(error, /not a reference file: it is no domb-reference/);
});

test('what is said of a manifest is refused', async () => {
  for (const [options, expected] of [
    [[demo], /a manifest and --reference exclude each other/],
    [['--images', directory], /--images is for a manifest/],
    [['--pcrlock'], /--pcrlock is for a manifest/],
    [['--no-policy'], /--no-policy is for a manifest/],
    [['--efi', at('boot.efi')], /--efi is for a manifest/],
  ] as const) {
    const { status, error } = await show('without', ...options);
    assert.equal(status, 2);
    assert.match(error, expected);
  }
});
