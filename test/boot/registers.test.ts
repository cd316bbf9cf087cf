import assert from 'node:assert/strict';
import { createPublicKey, hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import project from '../../package.json' with { type: 'json' };
import type { Parts } from '../../platform/demo/parts.ts';
import type { PlatformRun } from '../../platform/demo/platform-run.ts';
import { askTpm } from '../../platform/demo/tpm-question.ts';
import type { ImageExtras } from '../../platform/images/domb.ts';
import { parseEventLogPcr, parsePcrRead } from '../../platform/judge/tool-output.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { sendFiles, sentFiles } from '../../platform/machine/sent-files.ts';
import { domb } from '../lib/domb.ts';
import { boot, exampleManifest, failedChecks, outputDirectory, parts } from './support.ts';

const NONCE = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const OTHER_NONCE = NONCE.replace('00', '01');
const REGISTERS = [12, 13, 14];

/** Asked in dom0, in this order; each gets its answer. */
const questions = {
  version: 'domb --version',
  quote: askTpm(`domb quote --nonce ${NONCE} --output /run/evidence`),
  verify: `domb verify /run/evidence --nonce ${NONCE}`,
  stale: `domb verify /run/evidence --nonce ${OTHER_NONCE}`,
  log: 'domb log',
  checkquote: checkquote('/run/evidence', NONCE),
  'checkquote-stale': checkquote('/run/evidence', OTHER_NONCE),
  eventlog: 'tpm2_eventlog /run/evidence/measurement.log',
  'boot-eventlog': 'tpm2_eventlog /run/evidence/boot.log',
  evidence: sendFiles('/run/evidence'),
} as const;

function checkquote(directory: string, nonce: string): string {
  return `cd ${directory} && tpm2_checkquote -u ak.pub -m quote.attest -s quote.signature -f quote.pcrs -q ${nonce}`;
}

/** Two registers in the one log, one in the other: as many caps, in four banks. */
const BEFORE = '{ head -c -384 measurement.log; head -c -192 boot.log; } | sha256sum | cut -c -64';

/** Both signatures of the boot quote, as docs/verifying.md has them. */
const bootQuote = (directory: string) =>
  [
    `cd ${directory}`,
    `tpm2_checkquote -u ak.pub -m boot-key.attest -s boot-key.signature -q $(${BEFORE})`,
    `tpm2_checkquote -u boot-key.pub -m boot-quote.attest -s boot-quote.signature -q $(${BEFORE})`,
  ].join(' && ');

describe('guests whose images are measured into a register of their own', () => {
  const name = 'guest-register';
  const fresh = join(outputDirectory(name), 'fresh-evidence');
  const said = (question: keyof typeof questions) => platform.answers.get(`fresh-${question}`);
  let built: Parts;
  let platform: PlatformRun;
  let scratch: string;
  let manifest: string;
  let images: string;
  before(async () => {
    built = await parts();
    scratch = await mkdtemp(join(tmpdir(), 'registers-'));
    images = await imageDirectory('images');
    const text = (await exampleManifest(name)).replace(
      'ramdisk: dom0.cpio.zst',
      'ramdisk: [dom0.cpio.zst, domb-command.cpio.zst]',
    );
    manifest = join(scratch, 'manifest.yaml');
    await writeFile(manifest, text);
    const signature = await signed(manifest);
    platform = await boot(name, text, {
      parts: built,
      devices: ['intel-iommu'],
      signature,
      async converse(ask) {
        for (const [question, script] of Object.entries(questions)) {
          // What every boot is asked has names like these, too.
          await ask(`fresh-${question}`, script);
        }
      },
    });
    await mkdir(fresh, { recursive: true });
    for (const [file, bytes] of sentFiles(said('evidence'))) {
      await writeFile(join(fresh, file), bytes);
    }
  });
  after(() => rm(scratch, { recursive: true }));

  /** Signs the manifest as an operator does; key and signature lie beside it. */
  async function signed(file: string): Promise<NonNullable<ImageExtras['signature']>> {
    const openssl = (...argv: string[]) => runProgram('openssl', argv, { cwd: scratch });
    await openssl('genpkey', '-algorithm', 'ed25519', '-out', 'private.pem');
    await openssl('pkey', '-in', 'private.pem', '-pubout', '-out', 'public.pem');
    const output = ['-in', file, '-out', `${file}.sig`];
    await openssl('pkeyutl', '-sign', '-rawin', '-inkey', 'private.pem', ...output);
    return { key: await readFile(key()), bytes: await readFile(`${file}.sig`) };
  }

  async function imageDirectory(directory: string): Promise<string> {
    const path = join(scratch, directory);
    await mkdir(path);
    for (const [image, target] of built.images) await symlink(target, join(path, image));
    return path;
  }

  const key = () => join(scratch, 'public.pem');
  const predict = async (directory: string) => {
    const argv = ['predict', manifest, '--key', key(), '--images', directory, '--json'];
    return JSON.parse((await domb(argv)).out).pcrs;
  };
  const verify = (evidence: string, directory: string, ...nonce: string[]) =>
    domb([
      ...['verify', evidence, ...nonce, '--key', key()],
      ...['--manifest', manifest, '--images', directory, '--policy', built.policy],
    ]);
  const held = (pcr: number) => parsePcrRead(platform.answers.output('pcrs'), pcr);

  test('both registers replay, are capped and quoted, and have the predicted values', async () => {
    assert.deepEqual(failedChecks(platform), []);
    const pcrs = await predict(images);
    for (const pcr of [13, 14]) {
      assert.equal(held(pcr).size, 4);
      for (const [bank, value] of held(pcr)) assert.equal(pcrs[bank][pcr], value, `${bank} ${pcr}`);
    }
  });

  test('evidence of the boot verifies, and says whose ramdisk nobody measured', async () => {
    const { status, out } = await verify(join(outputDirectory(name), 'evidence'), images, '--boot');
    assert.equal(status, 4, out);
    assert.match(out, /^ok {11}log: \d+ events and the quoted PCR 13, 14 agree$/m);
    assert.match(out, /^ok {11}guest ramdisk$/m);
    assert.match(out, /^note {9}scratch ramdisk: the manifest leaves it unmeasured$/m);
    assert.match(platform.consoleText, /domb: .*scratch: the manifest leaves unmeasured: ramdisk/);
  });

  test('the manifest was signed, and the key that it was verified with is measured', async () => {
    assert.match(platform.consoleText, /domb: .* verify signature: right/);
    const der = createPublicKey(await readFile(key())).export({ type: 'spki', format: 'der' });
    const listed = await domb(['log', join(fresh, 'measurement.log')]);
    assert.match(listed.out, new RegExp(` signature-key +sha256:${hash('sha256', der, 'hex')}\n`));
    const { out } = await verify(fresh, images, '--nonce', NONCE);
    assert.match(out, /^ok {11}signature-key$/m);
    const image = join(scratch, 'domb.initramfs');
    const made = await domb([
      ...['image', manifest, '--key', key(), '--images', images, '--output', image],
    ]);
    assert.equal(made.status, 0, made.error);
    const booted = await readFile(join(outputDirectory(name), 'module-0'));
    assert.ok(booted.equals(await readFile(image)), '"domb image --key" makes another image');
    // Who expects another key, or none, does not accept the boot.
    const unsigned = await domb([
      ...['verify', fresh, '--nonce', NONCE, '--manifest', manifest, '--images', images],
      ...['--policy', built.policy],
    ]);
    assert.equal(unsigned.status, 3);
    assert.match(unsigned.out, /^WRONG {8}signature-key was not expected$/m);
  });

  test('another guest image changes the register of guests only', async () => {
    const others = await imageDirectory('others');
    await rm(join(others, 'guest.cpio.zst'));
    const guest = await readFile(built.images.get('guest.cpio.zst') ?? assert.fail('no guest'));
    // Linux takes zeros behind an archive for nothing.
    await writeFile(join(others, 'guest.cpio.zst'), Buffer.concat([guest, Buffer.alloc(512)]));
    const pcrs = await predict(others);
    assert.equal(pcrs.sha256[13], held(13).get('sha256'));
    assert.notEqual(pcrs.sha256[14], held(14).get('sha256'));
    const { status, out } = await verify(fresh, others, '--nonce', NONCE);
    assert.equal(status, 3);
    assert.match(out, /^WRONG {8}guest ramdisk differs: /m);
    // Its digest and its size.
    assert.match(out, /\nREFUSED: 2 things are wrong\n$/);
  });

  test('dom0 makes fresh evidence, and judges it', () => {
    assert.deepEqual(said('version'), { output: `domb ${project.version}\n`, status: 0 });
    assert.equal(said('quote').status, 0, said('quote').output);
    assert.match(said('quote').output, /PCR 0 to 7, 13, 14, 12 in sha1, sha256, sha384, sha512/);
    assert.equal(said('verify').status, 4, said('verify').output);
    assert.equal(said('stale').status, 3, said('stale').output);
    assert.match(said('log').output, /PCR 13 +image +dom0 ramdisk\[1\]/);
    assert.match(said('log').output, /PCR 14 +image +guest kernel/);
  });

  test('so does tpm2_checkquote in dom0, for this nonce only', () => {
    assert.equal(said('checkquote').status, 0, said('checkquote').output);
    assert.notEqual(said('checkquote-stale').status, 0);
    assert.match(said('checkquote-stale').output, /nonce|extraData|qualifying|Failed/i);
  });

  test('and tpm2_eventlog there replays both logs to what the TPM holds', () => {
    const pcrs = platform.answers.output('pcrs');
    for (const pcr of REGISTERS) {
      const text = said(pcr === 12 ? 'boot-eventlog' : 'eventlog').output;
      assert.equal(held(pcr).size, 4);
      assert.deepEqual(parseEventLogPcr(text, pcr), parsePcrRead(pcrs, pcr), `PCR ${pcr}`);
    }
  });

  test('carried outside, it verifies there, with domb and with tpm2-tools', async () => {
    const { status, out } = await verify(fresh, images, '--nonce', NONCE);
    assert.equal(status, 4, out);
    assert.match(out, /^NOT PROVEN: .*: key, launch-chain$/m);
    assert.match(out, /^ok {11}dom0 ramdisk\[1\]$/m);
    assert.equal((await verify(fresh, images, '--nonce', OTHER_NONCE)).status, 3);
    await runProgram('sh', ['-c', checkquote(fresh, NONCE)]);
    await assert.rejects(runProgram('sh', ['-c', checkquote(fresh, OTHER_NONCE)]));
    for (const directory of [fresh, join(outputDirectory(name), 'evidence')]) {
      await runProgram('sh', ['-c', bootQuote(directory)]);
      await assert.rejects(runProgram('sh', ['-c', bootQuote(directory).replace('-384', '-192')]));
    }
    for (const pcr of REGISTERS) {
      const log = join(fresh, pcr === 12 ? 'boot.log' : 'measurement.log');
      assert.deepEqual(parseEventLogPcr(await runProgram('tpm2_eventlog', [log]), pcr), held(pcr));
    }
  });
});
