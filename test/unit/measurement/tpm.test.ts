import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  flushContext,
  getRandom,
  pcrBanks,
  pcrExtend,
  pcrRead,
  startup,
  Tpm,
  TpmAnswerError,
  TpmError,
  TpmFormatError,
  type Transport,
  tpmProperties,
  Writer,
} from 'node-tpm2-pts';
import { frame, TpmSimulator } from '../../lib/tpm-simulator.ts';

/** A transport that answers with the given bytes in turn and keeps what it was sent. */
function scripted(...responses: (Buffer | string)[]) {
  const sent: string[] = [];
  const transport: Transport = {
    description: 'scripted',
    transmit: async (command) => {
      sent.push(command.toString('hex'));
      const next = responses.shift();
      assert.ok(next, 'one command too many');
      return typeof next === 'string' ? Buffer.from(next, 'hex') : next;
    },
    close: async () => {},
  };
  return { tpm: new Tpm(transport, { retryFor: 200 }), sent };
}

const ok = (hex = '') => frame(0x8001, 0, Buffer.from(hex, 'hex'));
const fail = (code: number) => frame(0x8001, code, Buffer.alloc(0));

test('commands are framed as part 3 lays them out', async () => {
  const { tpm, sent } = scripted(ok(), '80020000001300000000000000000000000000', ok());
  await startup(tpm);
  await pcrExtend(tpm, 13, new Map([['sha1', Buffer.alloc(20, 0xaa)]]));
  await flushContext(tpm, 0x80000001);
  assert.deepEqual(sent, [
    '80010000000c000001440000',
    `800200000035000001820000000d00000009400000090000000000000000010004${'aa'.repeat(20)}`,
    '80010000000e0000016580000001',
  ]);
});

test('what only tells something is asked again of a TPM that is late; what changes something is not', async () => {
  const simulator = new TpmSimulator();
  let late = 2;
  simulator.fault = () => (late-- > 0 ? 'late response' : undefined);
  const selections = [{ bank: 'sha1', pcrs: [13] }] as const;
  assert.equal((await pcrRead(simulator.tpm(), selections)).get('sha1')?.size, 1);
  assert.equal(simulator.received.length, 3);
  for (const [fault, message] of [
    ['late command', /ETIME/],
    ['lost command', /connection lost/],
  ] as const) {
    simulator.received.length = 0;
    simulator.fault = () => fault;
    await assert.rejects(pcrRead(simulator.tpm(), selections), message);
    const extended = pcrExtend(simulator.tpm(), 13, new Map([['sha1', Buffer.alloc(20)]]));
    await assert.rejects(extended, message);
    const reads = fault === 'late command' ? 3 : 1;
    const expected = [...Array(reads).fill('PCR_Read'), 'PCR_Extend'];
    assert.deepEqual(simulator.received, expected);
  }
});

test('a command is named or given by its number, known here or not', async () => {
  const { tpm, sent } = scripted(ok(), ok(), fail(0x143));
  await tpm.execute({ command: 'SelfTest', parameters: new Writer().u8(1) });
  await tpm.execute({ command: 0x143, parameters: new Writer().u8(1) });
  assert.equal(sent[0], '80010000000b0000014301');
  assert.equal(sent[1], sent[0]);
  const vendor = tpm.execute({ command: 0x20000001 });
  await assert.rejects(vendor, /TPM2 command 0x20000001: TPM_RC_COMMAND_CODE/);
  assert.equal(sent[2], '80010000000a20000001');
  await assert.rejects(tpm.execute({ command: -1 }), RangeError);
  await assert.rejects(tpm.execute({ command: 2 ** 32 }), RangeError);
});

test('a TPM that was started already is no error', async () => {
  assert.equal(await startup(scripted(ok()).tpm), true);
  assert.equal(await startup(scripted(fail(0x100)).tpm), false);
  await assert.rejects(startup(scripted(fail(0x101)).tpm), TpmError);
});

test('retry codes are sent again, other codes are not', async () => {
  for (const code of [0x922, 0x908, 0x90a]) {
    const { tpm, sent } = scripted(fail(code), fail(code), ok());
    await flushContext(tpm, 1);
    assert.equal(sent.length, 3);
  }
  const { tpm, sent } = scripted(fail(0x907));
  await assert.rejects(flushContext(tpm, 1), (error) => {
    assert.ok(error instanceof TpmError);
    assert.equal(error.command, 'TPM2_FlushContext');
    assert.equal(error.code, 0x907);
    assert.equal(error.message, 'TPM2_FlushContext: TPM_RC_LOCALITY (0x907)');
    assert.match(error.hint, /localities 2 to 4/);
    return true;
  });
  assert.equal(sent.length, 1);
});

test('a TPM that stays busy ends in an error within bounded time', async () => {
  const busy = new TpmSimulator();
  busy.fault = () => 0x922;
  await assert.rejects(pcrBanks(new Tpm(busy, { retryFor: 60 })), /TPM_RC_RETRY/);
  assert.ok(busy.received.length > 2 && busy.received.length < 12, `${busy.received.length}`);
});

test('calls that overlap are sent one after the other, and one failing does not stop the next', async () => {
  let running = 0;
  const simulator = new TpmSimulator();
  const tpm = new Tpm({
    description: 'slow',
    transmit: async (command) => {
      assert.equal(++running, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return simulator.transmit(command);
    },
    close: async () => {},
  });
  const results = await Promise.allSettled([pcrBanks(tpm), flushContext(tpm, 1), pcrBanks(tpm)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('malformed responses are refused', async () => {
  const cases: [name: string, response: Buffer, message: RegExp][] = [
    ['wrong size', Buffer.from('80010000000b00000000', 'hex'), /claims 11 bytes, 10 came/],
    ['sessions unasked', Buffer.from('80020000000a00000000', 'hex'), /tag 0x8002/],
    ['trailing bytes', ok('00'), /1 bytes too many/],
  ];
  for (const [name, response, message] of cases) {
    await assert.rejects(
      flushContext(scripted(response).tpm, 1),
      (error) => error instanceof TpmFormatError && message.test(error.message),
      name,
    );
  }
  await assert.rejects(pcrExtend(scripted(ok()).tpm, 1, new Map()), /tag 0x8001, expected 0x8002/);
  await assert.rejects(
    pcrExtend(scripted(frame(0x8002, 0, Buffer.from('000000ff', 'hex'))).tpm, 1, new Map()),
    /parameters needs 255 bytes/,
  );
});

test('an answer that no TPM 2.0 gives is called that, and not looked up in the specification', async () => {
  const header = (tag: number, code: number) => frame(tag, code, Buffer.alloc(0));
  const cases: [name: string, response: Buffer, message: RegExp][] = [
    // What swtpm answers before it is initialized, and libtpms once it has failed.
    ['TPM_FAIL', header(0xc4, 9), /form of TPM 1.2: tag 0x00c4, code 0x009, in TPM 1.2 TPM_FAIL/],
    ['TPM_BADTAG', header(0xc4, 0x1e), /form of TPM 1.2: .* TPM_BADTAG$/],
    ['TPM 1.2 success', header(0xc4, 0), /form of TPM 1.2: tag 0x00c4, code 0x000$/],
    ['its code only', header(0x8001, 9), /none of a TPM 2.0: tag 0x8001, code 0x009/],
    ['no code', header(0x8001, 0x7e00), /none of a TPM 2.0: tag 0x8001, code 0x7e00$/],
    ['another tag', header(0x8018, 0), /none of a TPM: tag 0x8018/],
    ['ones', Buffer.alloc(10, 0xff), /no TPM answers: .* ones/],
    ['zeros', Buffer.alloc(10), /no TPM answers: .* zeros/],
    ['nothing', Buffer.alloc(0), /it has 0 bytes/],
    ['half a header', Buffer.from('8001', 'hex'), /it has 2 bytes/],
  ];
  for (const [name, response, message] of cases) {
    await assert.rejects(
      flushContext(scripted(response).tpm, 1),
      (error) => {
        assert.ok(error instanceof TpmAnswerError, name);
        assert.match(error.message, message, name);
        assert.match(error.message, /^TPM2_FlushContext: /);
        assert.match(error.hint, /switch the machine off and on again/);
        assert.doesNotMatch(error.hint, /specification/);
        return true;
      },
      name,
    );
  }
});

test('every code that a TPM 2.0 can answer stays one', async () => {
  for (const [code, text] of [
    [0x101, /TPM_RC_FAILURE/],
    [0x17f, /unknown \(0x17f\)/],
    [0x0b0143, /resource manager/],
    [0x0a000a, /from TCTI/],
  ] as const) {
    await assert.rejects(flushContext(scripted(fail(code)).tpm, 1), (error) => {
      assert.ok(error instanceof TpmError);
      assert.match(error.message, text);
      return true;
    });
  }
});

test('only banks with a PCR in them are active; an unknown active bank is refused', async () => {
  const { tpm } = scripted(
    ok('0000000005000000030004030000000012030000000 00b03ffff7f'.replace(' ', '')),
  );
  const banks = await pcrBanks(tpm);
  assert.deepEqual(banks, [{ bank: 'sha256', pcrs: [...Array(23).keys()] }]);
  await assert.rejects(
    pcrBanks(scripted(ok('00000000050000000100ff03010000')).tpm),
    /active PCR bank of unknown algorithm 0xff/,
  );
  await assert.rejects(pcrBanks(scripted(ok('000000000500000fff')).tpm), /4095 PCR selections/);
});

test('properties are asked for until there are no more', async () => {
  const { tpm, sent } = scripted(
    ok('01000000060000000100000100322e3000'),
    ok('000000000600000001000001050049424d'),
  );
  const properties = await tpmProperties(tpm);
  assert.deepEqual(
    [...properties],
    [
      [0x100, 0x322e3000],
      [0x105, 0x0049424d],
    ],
  );
  assert.match(sent[1] ?? '', /0000017a0000000600000101/);
  await assert.rejects(tpmProperties(scripted(ok('010000000600000000')).tpm), /promises more/);
});

test('random bytes: as many as asked for, and a TPM that gives none is refused', async () => {
  const { tpm } = scripted(ok('0002aabb'), ok('0001cc'));
  assert.equal((await getRandom(tpm, 3)).toString('hex'), 'aabbcc');
  await assert.rejects(getRandom(scripted(ok('0000')).tpm, 3), /no random bytes/);
  await assert.rejects(getRandom(scripted(ok('0004aabbccdd')).tpm, 3), /4 bytes, at most 3/);
});

const digest = (byte: string) => `0020${byte.repeat(32)}`;
const selection = (mask: string) => `00000001000b03${mask}`;

test('PCRs are read in parts, as of one moment', async () => {
  const { tpm, sent } = scripted(
    ok(`00000005${selection('010000')}00000001${digest('aa')}`),
    ok(`00000006${selection('020000')}00000001${digest('bb')}`), // extended in between
    ok(`00000006${selection('010000')}00000001${digest('cc')}`),
    ok(`00000006${selection('020000')}00000001${digest('bb')}`),
  );
  const values = await pcrRead(tpm, [{ bank: 'sha256', pcrs: [0, 1] }]);
  assert.equal(values.get('sha256')?.get(0)?.toString('hex'), 'cc'.repeat(32));
  assert.equal(values.get('sha256')?.get(1)?.toString('hex'), 'bb'.repeat(32));
  assert.equal(sent.length, 4);
});

test('PCR values that were not asked for, are missing or have a wrong size are refused', async () => {
  const read = (hex: string) => pcrRead(scripted(ok(hex)).tpm, [{ bank: 'sha256', pcrs: [0] }]);
  const cases: [string, RegExp][] = [
    [`00000005${selection('020000')}00000001${digest('aa')}`, /PCR 1 of sha256 came/],
    [`00000005${selection('010000')}00000000`, /0 digests for 1 selected/],
    ['000000050000000000000000', /the TPM has no value for sha256:0/],
    [`00000005${selection('010000')}000000010002aabb`, /PCR 0 of sha256 has 2 bytes/],
    [`00000005${selection('010000')}0000ffff`, /65535 digests, at most 8/],
  ];
  for (const [hex, message] of cases) await assert.rejects(read(hex), message);
});
