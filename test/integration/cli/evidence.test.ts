import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pcrBanks, pcrExtend, pcrRead } from 'node-tpm2-pts';
import { runProgram } from '../../../platform/lib/run.ts';
import { domb, file } from '../../lib/domb.ts';
import { HYPERVISOR_ITEM } from '../../lib/evidence.ts';
import { assertShape } from '../../lib/json-shape.ts';
import { MeasuredPlatform } from '../../lib/measured-platform.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';

const NONCE = '00112233445566778899aabbccddeeff';
const manifest = file('boot-configs/demo.yaml');

let platform: MeasuredPlatform;
const at = (name: string): string => platform.at(name);
const images = (): string => at('images');

before(async () => {
  platform = await MeasuredPlatform.make({ bootItems: [HYPERVISOR_ITEM] });
});

after(() => platform.stop());

const predict = ['predict', manifest, '--no-policy', '--images'];
const quote = (nonce: string, output: string) => platform.quote(nonce, output);

const verify = (...options: string[]) => domb(['verify', at('evidence'), ...options]);
/** Parts of the JSON that nothing writes here: no guest, no script, and no domain missing. */
const ofScripts = [
  ...['guest.domain', 'guest.findings[].check', 'guest.findings[].ok', 'guest.findings[].says'],
  ...['guest.gaps[].gap', 'guest.gaps[].says', 'guest.gaps[].hint', 'guest.notes[]'],
  'boot.missing[].domain',
  'boot.missing[].why',
  'scripts.changed[]',
  'scripts.read[]',
];
const withImages = () => platform.expected;

test('what was predicted is what the TPM holds', async () => {
  const { pcrs } = JSON.parse((await domb([...predict, images(), '--json'])).out);
  const tpm = await platform.swtpm.connect();
  const banks = (await pcrBanks(tpm)).map(({ bank }) => bank);
  const held = await pcrRead(
    tpm,
    banks.map((bank) => ({ bank, pcrs: [13] })),
  ).finally(() => tpm.close());
  for (const bank of banks) assert.equal(held.get(bank)?.get(13)?.toString('hex'), pcrs[bank][13]);
});

test('a fresh quote verifies with the images, and with tpm2_checkquote', async () => {
  const quoted = await quote(NONCE, 'evidence');
  assert.equal(quoted.error, '');
  assert.match(quoted.out, /evidence: PCR 0 to 7, 13, 12 in sha1, sha256, sha384, sha512\n$/);
  assert.equal(quoted.status, 0);

  const { status, out } = await verify('--nonce', NONCE, ...withImages());
  assert.equal(status, 4, out);
  assert.match(out, /^ok {11}quote: signature, nonce and PCR values$/m);
  assert.match(out, /^ok {11}dom0 ramdisk$/m);
  assert.match(out, /^gap {10}key: nothing shows that the attestation key is in a genuine TPM/m);
  assert.match(out, /^gap {10}launch-chain: nothing is expected of PCR 4/m);
  assert.match(out, /^note {9}the firmware, PCR 0 to 7: compared with nothing$/m);
  assert.match(out, /\nNOT PROVEN: [^\n]+: key, launch-chain\n$/);
  const waived = await verify('--nonce', NONCE, ...withImages(), '--waive', 'launch-chain,key');
  assert.equal(waived.status, 0);
  assert.match(waived.out, /^waived {7}key: nothing shows that the attestation key is in a/m);
  assert.match(waived.out, /\nPROVEN, with what was waived: key, launch-chain\n$/);
  const files = ['-u', 'ak.pub', '-m', 'quote.attest', '-s', 'quote.signature', '-f', 'quote.pcrs'];
  await runProgram('tpm2_checkquote', [...files, '-q', NONCE], { cwd: at('evidence') });
});

test('the log is listed with the value that the quote is about', async () => {
  const own = await domb(['log', join(at('evidence'), 'measurement.log')]);
  assert.equal(own.status, 0);
  const { out } = await verify('--nonce', NONCE, ...withImages(), '--json');
  const { outcome, quote: judged, items } = JSON.parse(out);
  assert.equal(outcome, 'unproven');
  assert.ok(own.out.includes(judged.pcrs.sha256[13]));
  assert.deepEqual(items.map(({ name }: { name: string }) => name).slice(-3), [
    'dom0 kernel',
    'dom0 ramdisk',
    'dom0 cmdline',
  ]);
});

test('another image, another nonce, another key: 3, and in plain words', async () => {
  await cp(images(), at('others'), { recursive: true });
  await writeFile(join(at('others'), 'dom0.cpio.zst'), ramdiskWith('domain O'));
  const other = await verify(
    '--nonce',
    NONCE,
    '--manifest',
    manifest,
    '--no-policy',
    '--images',
    at('others'),
  );
  assert.equal(other.status, 3);
  assert.match(
    other.out,
    /^WRONG {8}dom0 ramdisk differs: digests\.sha256: expected "[0-9a-f]{64}", measured "[0-9a-f]{64}"$/m,
  );
  assert.match(other.out, /\nREFUSED: 1 thing is wrong\n$/);
  const asJson = await verify(
    ...['--nonce', NONCE, '--manifest', manifest, '--no-policy', '--images', at('others')],
    '--json',
  );
  assertShape('verify', [asJson.out], ofScripts);

  const stale = await verify('--nonce', NONCE.replace('0', '1'), ...withImages());
  assert.equal(stale.status, 3);
  assert.match(stale.out, /quote refused: the nonce is not ours/);

  const ownKey = join(at('evidence'), 'ak.pub');
  const pinned = await verify('--nonce', NONCE, ...withImages(), '--ak', ownKey);
  assert.equal(pinned.status, 4);
  assert.match(pinned.out, /^ok {11}key: the enrolled one$/m);
  assert.match(pinned.out, /\nNOT PROVEN: [^\n]+: launch-chain\n$/);
  const key = await readFile(ownKey);
  key.writeUInt8(key.readUInt8(key.length - 1) ^ 1, key.length - 1);
  await writeFile(at('other.pub'), key);
  const foreign = await verify('--nonce', NONCE, ...withImages(), '--ak', at('other.pub'));
  assert.equal(foreign.status, 3);
  assert.match(foreign.out, /another key than the enrolled one/);
});

test('a reference stands for the images when it is signed', async () => {
  const reference = at('p.reference');
  const check = (...more: string[]) => verify('--nonce', NONCE, '--reference', reference, ...more);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: platform.directory });
  openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'public.pem');
  const key = ['--key', at('public.pem')];

  assert.equal((await check()).status, 2);
  assert.equal((await check('--allow-unsigned')).status, 4);
  const unsigned = await check(...key);
  assert.equal(unsigned.status, 1);
  assert.match(unsigned.error, /there is no signature/);
  openssl(
    ...['pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem'],
    ...['-in', 'p.reference', '-out', 'p.reference.sig'],
  );
  assert.equal((await check(...key)).status, 4);

  const text = await readFile(reference, 'utf8');
  await writeFile(reference, text.replace('system_r:dom0_t', 'system_r:domU_t'));
  const altered = await check(...key);
  assert.equal(altered.status, 1);
  assert.match(altered.error, /the reference's signature is wrong/);
  const trusted = await check('--allow-unsigned');
  assert.equal(trusted.status, 3);
  assert.match(trusted.out, /expected "system_u:system_r:domU_t", measured "[^"]*dom0_t"/);

  const pcrs = `"pcrs":{"sha256":{"4":"${'ab'.repeat(32)}"}}`;
  await writeFile(reference, text.replace('"pcrs":{}', pcrs));
  const firmware = await check('--allow-unsigned');
  assert.equal(firmware.status, 3);
  assert.match(firmware.out, /PCR 4 differs in bank sha256: expected (ab){32}, quoted 0{64}/);
  assert.match(firmware.out, /note {9}the firmware, PCR 0 to 3, 5 to 7: compared with nothing/);
});

test('the boot quote is tied to its logs, and says that it is not fresh', async () => {
  const nonce = execFileSync('sh', ['-c', 'cat measurement.log boot.log | sha256sum'], {
    cwd: at('logs'),
    encoding: 'utf8',
  });
  await quote(nonce.slice(0, 64), 'boot-evidence');
  const check = () => domb(['verify', at('boot-evidence'), '--boot', ...withImages()]);
  const { status, out } = await check();
  assert.equal(status, 4, out);
  assert.match(out, /gap {10}nonce: the quote was taken during a boot, perhaps an earlier one/);
  await rm(join(at('boot-evidence'), 'boot.log'));
  assert.equal((await check()).status, 3);
});

test('damaged evidence is refused, missing evidence is a failure', async () => {
  await cp(at('evidence'), at('damaged'), { recursive: true });
  const check = () => domb(['verify', at('damaged'), '--nonce', NONCE, ...withImages()]);
  await writeFile(join(at('damaged'), 'quote.pcrs'), 'x');
  const damaged = await check();
  assert.equal(damaged.status, 3);
  assert.match(damaged.out, /WRONG {8}PCR file: not in the form/);
  await rm(join(at('damaged'), 'quote.pcrs'));
  execFileSync('mkfifo', [join(at('damaged'), 'quote.pcrs')]);
  assert.equal((await check()).status, 3);
  await rm(join(at('damaged'), 'quote.pcrs'));
  const missing = await check();
  assert.equal(missing.status, 1);
  assert.match(missing.error, /quote\.pcrs: can't be read or written \(ENOENT\)/);
});

test('the commands of docs/verifying.md find the digest of every event, however long it is', async () => {
  const page = await readFile(file('docs/verifying.md'), 'utf8');
  const commands = [...page.matchAll(/^ {7}(?:printf %s|start=|tail -c \+).*$/gm)].map(
    ([line]) => line,
  );
  const [short = '', ...long] = commands;
  assert.equal(long.length, 2);
  const shell = (script: string) => runProgram('bash', ['-c', script], { cwd: at('evidence') });
  const shown = await shell('tpm2_eventlog measurement.log');
  const sizes: number[] = [];
  for (const event of shown.split('- EventNum:').slice(2)) {
    const size = /EventSize: (\d+)/.exec(event)?.[1] ?? '';
    const data = /Event: "?([0-9a-f]+)/.exec(event)?.[1] ?? '';
    const script = Number(size) <= 1024 ? short.replace('DATA_IN_HEX', data) : long.join('\n');
    const found = await shell(script.replace('EVENT_SIZE', size));
    const [, digest] = /sha256\n +Digest: "([0-9a-f]+)"/.exec(event) ?? [];
    assert.equal(found.split(' ')[0], digest, event);
    sizes.push(Number(size));
  }
  assert.ok(Math.max(...sizes) > 1024 && sizes.length > 10, sizes.join());
});

test('once something else is in the register, the quote itself says that it will not verify', async () => {
  const tpm = await platform.swtpm.connect();
  await pcrExtend(tpm, 13, new Map([['sha256', Buffer.alloc(32, 1)]]));
  await tpm.close();
  const { status, error } = await quote(NONCE, 'evidence');
  assert.equal(status, 3);
  assert.match(
    error,
    /will not verify: the log does not replay to the quoted PCR 13 in bank sha256/,
  );
  assert.equal((await verify('--nonce', NONCE, ...withImages())).status, 3);
});
