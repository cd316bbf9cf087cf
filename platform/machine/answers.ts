import { connect, type Socket } from 'node:net';
import type { VirtualMachine } from './machine.ts';

export interface Answer {
  output: string;
  /** Exit status of the command that gave it. */
  status: number;
}

/** What dom0 answered, by question. There is no answer to a question that was not asked, not even an empty one. */
export class Answers {
  readonly #byName = new Map<string, Answer>();

  /** Fails when there is an answer of this name: whoever reads it could not tell which of the two it is. */
  add(name: string, answer: Answer): void {
    if (this.#byName.has(name)) throw new Error(`dom0 was asked "${name}" before`);
    this.#byName.set(name, answer);
  }

  /** Fails when dom0 was not asked. */
  get(name: string): Answer {
    const answer = this.#byName.get(name);
    if (answer) return answer;
    const asked = [...this.#byName.keys()].join(', ') || 'nothing';
    throw new Error(`dom0 was not asked "${name}"; it was asked ${asked}`);
  }

  /** What dom0 wrote as its answer; fails when it was not asked. */
  output(name: string): string {
    return this.get(name).output;
  }
}

/**
 * Has dom0 run a shell script and gives what it wrote and its exit status. `name` is one word, new at each call. Fails
 * when there is no answer after `timeout` milliseconds.
 */
export type Ask = (name: string, script: string, timeout?: number) => Promise<Answer>;

/** Emulation is slow, and a loaded machine slower. */
const patience = 400_000;

/**
 * The second serial line of a machine whose dom0 takes questions (platform/images/dom0/answers): it gets one line for
 * each, and answers with a frame `@begin NAME`, output, `@end NAME STATUS`.
 */
export class QuestionLine {
  readonly answers = new Answers();
  /** How long each answer took, in seconds. */
  readonly times: { question: string; seconds: number }[] = [];
  readonly #machine: Pick<VirtualMachine, 'console'>;
  readonly #socket: Socket;
  #text = '';
  #heard: () => void = () => {};
  #lost: Error | undefined;

  private constructor(machine: Pick<VirtualMachine, 'console'>, socket: Socket) {
    this.#machine = machine;
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.#text += chunk.replace(/\r/g, '');
      this.#heard();
    });
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(new Error('the machine ended')));
  }

  /** Connects to a dom0 that says on its console that it takes questions; one earlier would lose them. */
  static async open(
    machine: Pick<VirtualMachine, 'console' | 'serialSocket'>,
  ): Promise<QuestionLine> {
    const socket = connect(machine.serialSocket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new QuestionLine(machine, socket);
  }

  /** Asks one question, when the one before was answered, and keeps the answer in {@link answers}. */
  readonly ask: Ask = async (name, script, timeout = patience) => {
    // It is the first word of the question, and of its answer's marks.
    if (!/^\S+$/.test(name)) throw new Error(`a question's name is one word: "${name}"`);
    this.#text = '';
    const start = performance.now();
    this.#socket.write(`${name} ${Buffer.from(script).toString('base64')}\n`);
    const answer = await this.#answer(name, timeout);
    this.answers.add(name, answer);
    this.times.push({ question: name, seconds: (performance.now() - start) / 1000 });
    return answer;
  };

  close(): void {
    this.#socket.destroy();
  }

  #answer(name: string, timeout: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#heard = () => {};
      };
      const fail = (why: string) => {
        finish();
        const said = this.#text.split('\n').slice(-5).join('\n');
        const lines = [`dom0 did not answer "${name}": ${why}. It said so far:`, said];
        reject(new Error([...lines, this.#machine.console.tail()].join('\n')));
      };
      const timer = setTimeout(() => fail(`${timeout / 1000} s passed`), timeout);
      this.#heard = () => {
        const answer = parseAnswer(this.#text, name);
        if (!answer) return this.#lost && fail(this.#lost.message);
        finish();
        resolve(answer);
      };
      this.#heard();
    });
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#heard();
  }
}

/** The answer `name`, when its frame is complete. */
export function parseAnswer(text: string, name: string): Answer | undefined {
  const begin = `@begin ${name}\n`;
  const start = text.indexOf(begin);
  const mark = `\n@end ${name} `;
  // A command that writes nothing leaves both marks next to each other.
  const end = text.lastIndexOf(mark);
  if (start === -1 || end < start) return undefined;
  const status = /^(\d+)\n/.exec(text.slice(end + mark.length))?.[1];
  if (status === undefined) return undefined;
  return { output: text.slice(start + begin.length, end), status: Number(status) };
}
