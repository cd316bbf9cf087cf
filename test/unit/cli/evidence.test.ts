import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { digest, hashId } from 'node-tpm2-pts';
import { encodeItem } from '../../../measurement/encode.ts';
import type { LogEvent } from '../../../measurement/event-log/format.ts';
import { encodeTagged } from '../../../measurement/event-log/write.ts';
import { EVENT_TAGS } from '../../../measurement/events.ts';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { predictPcr4 } from '../../../measurement/firmware/pcr4.ts';
import { domb, file } from '../../lib/domb.ts';
import { eventsOf, evidenceOf, ITEMS, logOf, NONCE, TARGET } from '../../lib/evidence.ts';
import { buildPe } from '../../lib/pe-builder.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-cli-'));
  await writeFile(at('vmlinux'), elf({ notes: pvNotes }));
  await writeFile(at('vtpm.cpio.zst'), ramdiskWith('the vTPM'));
  await writeFile(at('dom0.cpio.zst'), ramdiskWith('domain 0'));
});

after(() => rm(directory, { recursive: true }));

/** An event whose digests are those of `data`, in the banks of the test's logs. */
function event(pcr: number, type: number, data: Buffer): LogEvent {
  const digests = new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, data)]));
  return { pcr, type, digests, data };
}

async function shown(log: Buffer, ...options: string[]) {
  await writeFile(at('a.log'), log);
  return domb(['log', at('a.log'), ...options]);
}

test('predict: all banks or the chosen ones, for people, programs and systemd-pcrlock', async () => {
  const predict = (...options: string[]) =>
    domb(['predict', demo, '--no-policy', '--images', directory, ...options]);
  const { status, out } = await predict();
  assert.equal(status, 0);
  const pcrs = JSON.parse((await predict('--json')).out).pcrs;
  assert.deepEqual(Object.keys(pcrs), ['sha1', 'sha256', 'sha384', 'sha512']);
  for (const bank of Object.values<Record<string, string>>(pcrs))
    assert.ok(out.includes(bank[13] ?? '?'));
  assert.match(
    out,
    /^ *\d+ {2}PCR 13 {2}EV_EVENT_TAG {2}[0-9a-f]{64} {2}image: dom0 ramdisk, 512 bytes, sha256:/m,
  );

  const chosen = JSON.parse((await predict('--json', '--banks', 'sha384')).out);
  assert.deepEqual(chosen.pcrs, { sha384: pcrs.sha384 });
  // The daemon is of this package's version, and is measured so.
  const { event: first, version } = chosen.events[0].description;
  const said = (await domb(['--version'])).out;
  assert.deepEqual([first, `domb ${version}\n`], ['daemon', said]);
  const incomplete = ['--pcrlock', '--without', 'launch-chain'];
  const { records } = JSON.parse((await predict(...incomplete, '--banks', 'sha384')).out);
  assert.deepEqual(
    records.map((record: { digests: { digest: string }[] }) => record.digests[0]?.digest),
    chosen.events.map((each: { digests: { sha384: string } }) => each.digests.sha384),
  );
});

test('predict: without --banks those that the manifest demands', async () => {
  const demanding = (await readFile(demo, 'utf8')).replace(
    /^ {4}pcr: 13$/m,
    '$&\n    banks: [sha384, sha256]',
  );
  await writeFile(at('banks.yaml'), demanding);
  const banks = async (...options: string[]) => {
    const argv = ['predict', at('banks.yaml'), '--no-policy', '--images', directory, '--json'];
    return Object.keys(JSON.parse((await domb([...argv, ...options])).out).pcrs);
  };
  assert.deepEqual(await banks(), ['sha256', 'sha384']);
  assert.deepEqual(await banks('--banks', 'sha1'), ['sha1']);
});

test('predict: pinned images are measured as others are', async () => {
  const pin = (algorithm: string) =>
    `digests: { kernel: "${algorithm}:${hash(algorithm, kernel, 'hex')}" }`;
  const kernel = await readFile(at('vmlinux'));
  const text = (await readFile(demo, 'utf8')).replaceAll(
    '    kernel: vmlinux\n',
    (line) => `${line}    ${pin('sha512')}\n`,
  );
  await writeFile(at('pinned.yaml'), text.replace(pin('sha512'), pin('sha256')));
  const argv = ['predict', at('pinned.yaml'), '--no-policy', '--images', directory, '--json'];
  const { out, status, error } = await domb(argv);
  assert.equal(status, 0, error);
  const kernels = JSON.parse(out).events.filter(
    ({ description }: { description: { component?: string } | null }) =>
      description?.component === 'kernel',
  );
  assert.deepEqual(
    kernels.map(({ description }: { description: object }) => description),
    ['vtpm', 'dom0'].map((domain, i) => ({
      ...{ event: 'image', domain, component: 'kernel', size: kernel.length },
      ...{ digests: { sha256: hash('sha256', kernel, 'hex') }, sequence: i === 0 ? 4 : 8 },
    })),
  );
});

test('predict: with the EFI file that firmware starts also PCR 4', async () => {
  const sections = [{ name: '.text', contents: Buffer.alloc(99, 1) }];
  await writeFile(at('boot.efi'), buildPe({ sections }));
  const options = ['--no-policy', '--images', directory, '--efi', at('boot.efi')];
  const { status, out } = await domb(['predict', demo, ...options]);
  assert.equal(status, 0);
  const { values } = await predictPcr4(at('boot.efi'));
  for (const bank of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    assert.match(
      out,
      new RegExp(`^ {2}${bank}\n {5}4 {2}${values.get(bank)?.toString('hex')}$`, 'm'),
    );
  }
  assert.match(
    out,
    /^ *1 {2}PCR 4 +EV_EFI_ACTION +[0-9a-f]{64} {2}Calling EFI Application from Boot Option$/m,
  );
  const { records } = JSON.parse((await domb(['predict', demo, ...options, '--pcrlock'])).out);
  const pcrs = records.map(({ pcr }: { pcr: number }) => pcr);
  assert.deepEqual([...new Set(pcrs)], [4, 13]);
});

test('predict: a manifest of version 1 gives the events of its twin in version 2 but for its own', async () => {
  const text = await readFile(demo, 'utf8');
  const former = text.replace('version: 2', 'version: 1').replace('on_failure', 'on-failure');
  const events = async (stdin: string) => {
    const argv = ['predict', '-', '--no-policy', '--images', directory, '--json'];
    return JSON.parse((await domb(argv, { stdin })).out).events as {
      description: { event: string };
    }[];
  };
  const [one, two] = [await events(former), await events(text)];
  assert.equal(one.length, two.length);
  const changed = one.filter((each, index) => !isDeepStrictEqual(each, two[index]));
  assert.deepEqual(
    changed.map(({ description }) => description.event),
    ['manifest'],
  );
});

test('predict: what would not boot has no prediction', async () => {
  const predict = (...options: string[]) => domb(['predict', ...options]);
  assert.match((await predict(demo)).error, /predict needs --images DIR/);
  const missing = await predict(demo, '--images', file('docs'));
  assert.equal(missing.status, 1);
  assert.match(missing.error, /there is no such file in the image directory/);
  const images = ['--images', directory, '--no-policy'];
  for (const [options, status, error] of [
    [[demo, ...images, '--policy', demo], 2, /exclude each other/],
    [[demo, ...images, '--banks', 'md5'], 2, /there is no bank "md5"/],
    [[demo, ...images, '--json', '--pcrlock'], 2, /exclude each other/],
    [[demo, ...images, '--pcr-file', at('pcrs'), '--pcrlock'], 2, /exclude each other/],
    [[demo, ...images, '--without', 'launch-chain'], 2, /--without is of no use alone/],
    [[demo, ...images, '--pcrlock', '--without', 'items'], 2, /"items" is no gap/],
    [[demo, ...images, '--pcrlock'], 1, /PCR 4, what firmware starts, has no known value/],
    [[demo, ...images, '--efi', demo], 1, /PE image/],
    [[demo, ...images, '--efi', at('none')], 1, /none: can't be read or written \(ENOENT\)/],
    [[demo, ...images, '--reference-out', at('no/such')], 1, /ENOENT/],
  ] as const) {
    const result = await predict(...options);
    assert.equal(result.status, status, options.join(' '));
    // With --json, failures are JSON on standard output.
    assert.match(result.error + result.out, error);
  }
});

test('log: a log of ours must be right in every bit', async () => {
  const good = await shown(logOf(eventsOf(ITEMS)));
  assert.equal(good.status, 0);
  assert.match(good.out, /^ *3 {2}image +vtpm kernel, 14 bytes/m);
  assert.match(good.out, /\nPCR 13 after 11 events\n/);
  const bad = await shown(logOf(eventsOf(ITEMS).toSpliced(4, 1)));
  assert.equal(bad.status, 1);
  // What can be read is shown all the same.
  assert.match(
    bad.out,
    /^ 4 {2}PCR 13 {2}EV_EVENT_TAG {2}[0-9a-f]{64} {2}image: vtpm kernel, 14 bytes/m,
  );
  assert.match(bad.error, /event 4: sequence 5: events are missing/);
  await chmod(at('a.log'), 0o1600);
  await writeFile(at('a.log'), logOf(eventsOf(ITEMS)));
  const dirty = await domb(['log', at('a.log')]);
  assert.equal(dirty.status, 1);
  assert.match(dirty.error, /marked as incomplete/);
  await chmod(at('a.log'), 0o600);
});

test("log: the firmware's, with ours behind it, and what does not fit is marked", async () => {
  const name = Buffer.from('SecureBoot', 'utf16le');
  const variable = Buffer.alloc(32);
  variable.writeBigUInt64LE(10n, 16);
  const lying = { ...event(4, 4, Buffer.alloc(4)), data: Buffer.alloc(4, 1) };
  const { status, out } = await shown(
    logOf([
      event(0, 8, Buffer.from([0, 0])),
      event(7, 0x80000001, Buffer.concat([variable, name])),
      event(7, 0x80000001, Buffer.concat([variable, name.subarray(1)])),
      event(5, 0x80000007, Buffer.from('Calling\x1b[2J')),
      event(5, 0x80000007, Buffer.from('Calling EFI Application')),
      lying,
      event(9, 0x12345678, Buffer.from('?')),
      event(
        13,
        6,
        encodeTagged(
          EVENT_TAGS.configuration,
          Buffer.from('{"configuration":0.5,"event":"configuration","sequence":0}'),
        ),
      ),
      ...eventsOf(ITEMS),
    ]),
  );
  assert.equal(status, 0);
  const lines = out.split('\n').map((line) => line.replace(/ +/g, ' ').trim());
  const digest = /(?<= )[0-9a-f]{64} /;
  assert.ok(lines.slice(0, 9).every((line) => digest.test(line)));
  assert.deepEqual(
    lines.slice(0, 9).map((line) => line.replace(digest, '')),
    [
      '1 PCR 0 EV_S_CRTM_VERSION 2 bytes',
      '2 PCR 7 EV_EFI_VARIABLE_DRIVER_CONFIG SecureBoot: empty, owner 00000000-0000-0000-0000-000000000000',
      '3 PCR 7 EV_EFI_VARIABLE_DRIVER_CONFIG 51 bytes',
      '4 PCR 5 EV_EFI_ACTION 11 bytes',
      '5 PCR 5 EV_EFI_ACTION Calling EFI Application',
      '6 PCR 4 EV_SEPARATOR separator 01010101 [NOT WHAT WAS MEASURED]',
      '7 PCR 9 0x12345678 ?',
      '8 PCR 13 EV_EVENT_TAG tag 0x646f6d02, {\\"configuration\\":0.5,\\"event\\":\\"configuration\\",\\"sequence\\":0}',
      '9 PCR 13 EV_EVENT_TAG manifest: 11 bytes, sha256:09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847',
    ],
  );
  assert.match(out, /^ {2}sha384\n {5}0 {2}[0-9a-f]{96}\n {5}4 /m);
});

test('log: of any size, and hostile', async () => {
  const [first] = ITEMS;
  assert.ok(first);
  // More rows than a call may have arguments, and a row so long that padding to it would fill the memory.
  const many = Array.from({ length: 150_000 }, () => event(1, 1, Buffer.from('x')));
  const long = encodeItem({ event: 'error', what: 'y'.repeat(2 ** 20) }, 0, TARGET);
  const { status, out } = await shown(logOf([...many, long]));
  assert.equal(status, 0);
  assert.ok(out.length < 20 * 2 ** 20);
  for (const hostile of [Buffer.alloc(0), Buffer.alloc(100), Buffer.from('no log')]) {
    const result = await shown(hostile);
    assert.equal(result.status, 1);
    assert.match(result.error, /hint: /);
  }
  assert.equal((await domb(['log', '/dev/zero'])).status, 1);
});

test('verify: wrong usage is said before anything is read', async () => {
  const nonce = ['--nonce', NONCE.toString('hex')];
  const cases: [string[], RegExp][] = [
    [[], /verify needs --nonce HEX or --boot/],
    [['--nonce', 'xyz'], /not 1 to 64 bytes in hex/],
    [['--nonce', 'abc'], /not 1 to 64 bytes in hex/],
    [['--nonce', 'ab'.repeat(65)], /not 1 to 64 bytes in hex/],
    [[...nonce, '--boot'], /exclude each other/],
    [[...nonce, '--manifest', demo], /--manifest needs the images/],
    [[...nonce, '--images', directory], /no use alone/],
    [[...nonce, '--efi', demo], /no use alone/],
    [[...nonce, '--policy', demo], /no use alone/],
    [
      [...nonce, '--manifest', demo, '--images', directory],
      /needs the FLASK policy .*\n.*add --policy FILE, or --no-policy/,
    ],
    [[...nonce, '--waive', 'nonce,kye'], /there is no gap "kye"\n.*did you mean key\?/],
    [
      [...nonce, '--waive', 'everything'],
      /the gaps are nonce, key, items, boot-log, boot-quote, launch-chain/,
    ],
    [
      [...nonce, '--manifest', demo, '--images', directory, '--reference', 'x'],
      /exclude each other/,
    ],
    [[...nonce, '--key', 'x'], /nothing to check/],
    [[...nonce, '--allow-unsigned'], /for references/],
    [[...nonce, '--pcr', '24'], /no PCR/],
    [[...nonce, '--boot-pcr', 'x'], /no PCR/],
    [[...nonce, '--pcr', '13', '--reference', 'x'], /what the manifest or reference says/],
  ];
  for (const [options, error] of cases) {
    const result = await domb(['verify', '/no/such/directory', ...options]);
    assert.equal(result.status, 2, options.join(' '));
    assert.match(result.error, error);
  }
});

test('verify: without anything to compare with it says so, and hostile text does not reach the terminal', async () => {
  await writeEvidence(at('evidence'), evidenceOf());
  const nonce = ['--nonce', NONCE.toString('hex')];
  const { status, out } = await domb(['verify', at('evidence'), ...nonce]);
  assert.equal(status, 4);
  assert.match(out, /^gap {10}items: the measured items: nothing to compare them with; give a /m);
  assert.match(out, /\nNOT PROVEN: .* through: key, items, launch-chain\n$/);
  assert.equal((await domb(['verify', at('evidence'), ...nonce, '--pcr', '14'])).status, 3);

  const failed = eventsOf([...ITEMS, { event: 'error', what: 'bad\x1b[2J' }]);
  await writeEvidence(at('evidence'), evidenceOf(failed));
  const refused = await domb(['verify', at('evidence'), ...nonce]);
  assert.equal(refused.status, 3);
  assert.match(refused.out, /^WRONG {8}the boot failed: bad\\u001b\[2J$/m);
  const { outcome, findings } = JSON.parse(
    (await domb(['verify', at('evidence'), ...nonce, '--json'])).out,
  );
  assert.equal(outcome, 'refused');
  assert.deepEqual(
    findings.filter(({ ok }: { ok: boolean }) => !ok),
    [{ check: 'boot', ok: false, says: 'the boot failed: bad\x1b[2J' }],
  );
});

test('quote: usage', async () => {
  assert.equal((await domb(['quote'])).status, 2);
  const logs = ['--nonce', 'ab', '--logs'];
  assert.equal((await domb(['quote', ...logs, at('none')])).status, 1);
  await writeEvidence(at('logs'), evidenceOf());
  const noTpm = (device: string) => domb(['quote', ...logs, at('logs'), '--device', device]);
  assert.equal((await noTpm('tpm0')).status, 2);
  assert.equal((await noTpm('tcp:')).status, 2);
  assert.match((await noTpm('/no/tpm')).error, /\/no\/tpm: open: ENOENT/);
  assert.match((await noTpm(`unix:${at('no-socket')}`)).error, /connect: ENOENT/);
});
