import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAnswer, QuestionLine } from '../../../platform/machine/answers.ts';
import { Console } from '../../../platform/machine/console.ts';

/** A dom0 that answers each line with what `reply` gives for the question's name and script. */
async function line(t: TestContext, reply: (name: string, script: string, line: Socket) => void) {
  const directory = await mkdtemp(join(tmpdir(), 'domb-line-'));
  const serialSocket = join(directory, 'serial.sock');
  const server = createServer((socket) => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      const [name = '', script = ''] = text.trim().split(' ');
      reply(name, Buffer.from(script, 'base64').toString(), socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(serialSocket, resolve));
  const console = new Console();
  console.write('(XEN) something happened\n');
  const questions = await QuestionLine.open({ console, serialSocket });
  t.after(async () => {
    questions.close();
    server.close();
    await rm(directory, { recursive: true });
  });
  return questions;
}

test('an answer has its output, to the byte, and its status', async (t) => {
  const dom0 = await line(t, (name, script, socket) => {
    // In pieces, and with the carriage returns of a terminal.
    socket.write(`@begin ${name}\r\nasked ${script}\r\n\r\n@e`);
    setTimeout(() => socket.write(`nd ${name} 3\r\n`), 10);
  });
  assert.deepEqual(await dom0.ask('one', 'xl list'), { output: 'asked xl list\n', status: 3 });
  assert.equal(dom0.answers.output('one'), 'asked xl list\n');
});

test('a question that was not asked has no answer, and none is asked twice', async (t) => {
  const dom0 = await line(t, (name, _script, socket) => {
    socket.write(`@begin ${name}\n\n@end ${name} 0\n`);
  });
  await dom0.ask('one', 'true');
  assert.throws(() => dom0.answers.get('two'), /dom0 was not asked "two"; it was asked one/);
  await assert.rejects(dom0.ask('one', 'true'), /dom0 was asked "one" before/);
});

test('a question without an answer fails with what dom0 and the console said last', async (t) => {
  const dom0 = await line(t, (name, _script, socket) => {
    socket.write(`@begin ${name}\nhalf of it\n`);
  });
  await assert.rejects(dom0.ask('slow', 'sleep 9', 100), (error: Error) => {
    assert.match(error.message, /^dom0 did not answer "slow": 0\.1 s passed/);
    assert.match(error.message, /half of it/);
    assert.match(error.message, /\(XEN\) something happened/);
    return true;
  });
});

test('a question to a machine that ended fails at once', async (t) => {
  const dom0 = await line(t, (_name, _script, socket) => socket.destroy());
  await assert.rejects(dom0.ask('one', 'true'), /did not answer "one": the machine ended/);
  await assert.rejects(dom0.ask('two', 'true'), /did not answer "two": the machine ended/);
});

test('the marks of other answers are not taken for those of the one that is read', () => {
  assert.equal(parseAnswer('@begin one\nx\n\n@end two 0\n', 'one'), undefined);
  assert.equal(parseAnswer('@begin one\nx\n\n@end one 0', 'one'), undefined);
  assert.deepEqual(parseAnswer('@begin one\n\n@end one 0\n', 'one'), { output: '', status: 0 });
});

test('a name of two words is refused, since its answer would be for another question', async (t) => {
  const dom0 = await line(t, () => assert.fail('it was asked'));
  await assert.rejects(
    dom0.ask('two words', 'xl list'),
    /a question's name is one word: "two words"/,
  );
});
