import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digest, hashId } from 'node-tpm2-pts';
import { readAnyLog } from '../../../measurement/event-log/any-log.ts';
import { EventLogError } from '../../../measurement/event-log/format.ts';
import { encodeEvent, encodeHeader } from '../../../measurement/event-log/write.ts';
import { eventLines, logJson, logProblems } from '../../../measurement/formats/event-listing.ts';
import { eventsOf, ITEMS, logOf } from '../../lib/evidence.ts';

/** Logs of machines that are not ours, each with the values that its project publishes (test/logs/README.md). */
const directory = join(import.meta.dirname, '../../logs');
const files = readdirSync(directory).filter((name) => name.endsWith('.bin'));

type Values = Record<string, Record<string, string>>;
const expected: Record<string, { pcrs?: Values }> = JSON.parse(
  readFileSync(join(directory, 'expected.json'), 'utf8'),
);

const bytesOf = (name: string) => readFileSync(join(directory, `${name}.bin`));
const textOf = (bytes: Uint8Array) => [...eventLines(readAnyLog(bytes))].join('');
const jsonOf = (bytes: Uint8Array) =>
  ({ ...logJson(readAnyLog(bytes)), problems: logProblems(readAnyLog(bytes)) }) as {
    form: string;
    registers: string;
    padding: number;
    problems: string[];
    events: { text: string; pcr: number }[];
    pcrs: Values;
  };

test('every log in the folder has its row, and every row its log', () => {
  assert.deepEqual(files.sort(), Object.keys(expected).sort());
  assert.ok(files.length >= 11);
});

for (const file of files) {
  test(`${file} replays to the published values`, () => {
    const { pcrs, events } = jsonOf(readFileSync(join(directory, file)));
    assert.ok(events.length > 0);
    const published = expected[file]?.pcrs ?? {};
    if (file !== 'ccel-tdx.bin') assert.ok(Object.keys(published).length > 0);
    for (const [bank, values] of Object.entries(published)) {
      const replayed = Object.entries(pcrs[bank] ?? {}).filter(([pcr]) => pcr in values);
      assert.deepEqual(Object.fromEntries(replayed), values, bank);
    }
  });
}

test('the format before TPM 2.0 is read and named', () => {
  for (const name of ['debian-10-sha1-format', 'uefi-sha1-format']) {
    const { form, problems, pcrs } = jsonOf(bytesOf(name));
    assert.deepEqual([form, problems, Object.keys(pcrs)], ['sha1', [], ['sha1']]);
    assert.match(textOf(bytesOf(name)), /SHA-1 format, as firmware of TPM 1\.2 times writes it/);
  }
});

test('a bank that the header declares and an event lacks: left out of that bank alone, and said', () => {
  const { problems, pcrs } = jsonOf(bytesOf('event-without-sha384'));
  assert.deepEqual(Object.keys(pcrs.sha384 ?? {}), []);
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /^event 1: no sha384 digest, though the header declares/);
  assert.match(textOf(bytesOf('event-without-sha384')), /^WRONG {2}event 1: no sha384 digest/m);
});

test("a confidential virtual machine's log is named, and its registers are", () => {
  const { registers, problems } = jsonOf(bytesOf('ccel-tdx'));
  assert.deepEqual([registers, problems], ['RTMR', []]);
  const text = textOf(bytesOf('ccel-tdx'));
  assert.match(text, /a confidential virtual machine's log \(CCEL\)/);
  assert.match(text, /^ 3 {2}RTMR 0 {2}EV_EFI_VARIABLE_DRIVER_CONFIG .* SecureBoot: off$/m);
  assert.match(text, /^RTMR values after \d+ events$/m);
});

test('people can read digests, Secure Boot, image paths and command lines', () => {
  const cos = textOf(bytesOf('cos-101'));
  assert.match(
    cos,
    / ccfc4bb32888a345bc8aeadaba552b627d99348c767681ab3141f5b01e40a40e {2}SecureBoot: on$/m,
  );
  assert.match(
    cos,
    /PciRoot\(0x0\)\/Pci\(0x4,0x0\)\/NVMe\(0x1,[0-]+\)\/HD\(12,GPT,3c3b6316-.*\)\/EFI\/BOOT\/BOOTX64\.EFI$/m,
  );
  assert.match(
    textOf(bytesOf('startup-locality-and-sp800-155')),
    /kernel_cmdline: \/syslinux\/vmlinuz\.B init=/,
  );
  assert.match(textOf(bytesOf('bootorder')), /SecureBoot: off$/m);
  // In UTF-16, from systemd-boot.
  assert.match(textOf(bytesOf('sd-boot')), / console=ttyS0 console=tty0 efi=debug$/m);
  assert.match(
    textOf(bytesOf('rhel8')),
    /Boot0002: Red Hat Enterprise Linux, HD\(1,GPT,.*\)\/EFI\/redhat\/shim/,
  );
  const localities = textOf(bytesOf('startup-locality-and-sp800-155'));
  assert.match(localities, /SP800-155 Event3: where reference values are$/m);
});

test('what a digest shows not to be what was measured is said, Secure Boot above all', () => {
  const bytes = bytesOf('cos-101');
  const name = Buffer.from('SecureBoot', 'utf16le');
  const value = bytes.indexOf(name) + name.length;
  assert.equal(bytes[value], 1);
  bytes[value] = 0;
  assert.match(textOf(bytes), /SecureBoot: off \[NOT WHAT WAS MEASURED\]$/m);
});

test('padding at the end is said to be padding', () => {
  for (const name of ['rhel8', 'debian-10-sha1-format', 'ccel-tdx']) {
    for (const byte of [0x00, 0xff]) {
      const bytes = bytesOf(name);
      const { padding, problems, pcrs } = jsonOf(Buffer.concat([bytes, Buffer.alloc(4096, byte)]));
      assert.deepEqual([padding, problems], [4096, []]);
      assert.deepEqual(pcrs, jsonOf(bytes).pcrs);
    }
    const padded = Buffer.concat([bytesOf(name), Buffer.alloc(100)]);
    assert.match(textOf(padded), /100 bytes of padding at the end/);
  }
});

test('a log that is cut off anywhere is shown as far as it goes, with the place where it ends', () => {
  const bytes = bytesOf('event-without-sha384');
  const whole = bytesOf('sd-boot');
  const { events } = jsonOf(whole);
  for (const length of [whole.length - 1, whole.length - 30, whole.length >> 1]) {
    const cut = jsonOf(whole.subarray(0, length));
    assert.ok(cut.events.length > 0 && cut.events.length < events.length);
    assert.match(cut.problems.at(-1) ?? '', /at byte \d+: .* needs \d+ bytes, \d+ are left/);
    assert.deepEqual(cut.events, events.slice(0, cut.events.length));
  }
  const header = encodeHeader(['sha1', 'sha256', 'sha384', 'sha512']).length;
  for (let length = 0; length < bytes.length; length++) {
    // A header alone is a log without events.
    if (length === header) continue;
    try {
      assert.notDeepEqual(logProblems(readAnyLog(bytes.subarray(0, length))), [], `${length}`);
    } catch (error) {
      assert.ok(error instanceof EventLogError, String(error));
    }
  }
});

test('what is no log at all is refused', () => {
  const texts = ['', 'not a log, but a text that is long enough to be one of the old form'];
  const others = [Buffer.alloc(1000), Buffer.from('\x7fELF'.padEnd(200, '\x01'), 'latin1')];
  for (const bytes of [...texts.map((text) => Buffer.from(text)), ...others]) {
    assert.throws(() => readAnyLog(bytes), EventLogError);
  }
});

test('registers of a dynamic launch replay from zeros, as tpm2_eventlog and TPMs have them', () => {
  const data = Buffer.from('launch');
  const digests = new Map([[hashId('sha256'), digest('sha256', data)]]);
  const log = Buffer.concat([
    encodeHeader(['sha256']),
    encodeEvent({ pcr: 17, type: 0x501, digests, data }),
  ]);
  const value = digest('sha256', Buffer.alloc(32), digest('sha256', data)).toString('hex');
  assert.deepEqual(jsonOf(log).pcrs.sha256, { 17: value });
});

test("domB's own logs are read in this way, too", () => {
  const own = jsonOf(logOf(eventsOf(ITEMS)));
  assert.deepEqual(own.problems, []);
  assert.equal(own.events.length, ITEMS.length + 1);
});
