import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { namedCommand } from '../../../cli/command-lookup.ts';
import { commands } from '../../../cli/commands.ts';
import { generated } from '../../../cli/generate.ts';
import { program } from '../../../cli/program.ts';
import { domb, file } from '../../lib/domb.ts';

test('wrong usage gives 2, a reason and a hint, and nothing on standard output', async () => {
  const cases: [string[], RegExp][] = [
    [['valdate'], /no command "valdate"\n {2}hint: did you mean "domb validate"\?/],
    [['frobnicate'], /"domb help" lists the commands/],
    [['validate'], /validate needs FILE/],
    [['plan', 'a', 'b'], /plan has no use for "b"/],
    [['schema', 'x'], /schema has no use for "x"/],
    [['schema', '--version', '3'], /no version "3" of manifests\n {2}hint: choose one of 1, 2/],
    [['validate', '--imges', 'x', 'f'], /no option --imges\n {2}hint: did you mean --images\?/],
    [['validate', '-x', 'f'], /no option -x/],
    [['validate', 'f', '--images'], /--images needs a value/],
    [['validate', 'f', '--images='], /--images needs a value/],
    [['validate', '--json=yes', 'f'], /--json takes no value/],
    [['completion', 'tcsh'], /choose bash, zsh or fish/],
    [['enroll'], /enroll needs a further word\n {2}hint: choose one of challenge, answer, /],
    [['enroll', 'chalenge', 'e'], /no command "enroll chalenge"\n.*"domb enroll challenge"\?/],
    [['enrol'], /no command "enrol"\n {2}hint: did you mean "domb enroll"\?/],
    [['enroll', 'check'], /enroll check needs ANSWER/],
    [['enroll', 'challenge', 'e'], /needs --ek-roots FILE or --ek FILE\n/],
    [['help', 'enroll', 'x'], /no command "enroll x"\n.*choose one of challenge, /],
    [['help', 'plam'], /did you mean "domb help plan"\?/],
    [['validate', '-qx', 'f'], /no option -x/],
    [['image', 'f', '-o', 'x'], /image needs --images DIR\n/],
    [['predict', 'f'], /predict needs --images DIR or --reference FILE\n/],
    [['predict', '--images', 'd'], /predict needs MANIFEST\n/],
    [['predict', '--images', 'd', '--allow-unsigned', 'f'], /--allow-unsigned is for references/],
    [['quote'], /quote needs --nonce HEX\n/],
    [['verify', 'e'], /verify needs --nonce HEX or --boot\n/],
    [[], /^domb: .*\n\nUsage: /],
  ];
  for (const [argv, expected] of cases) {
    const { status, out, error } = await domb(argv);
    assert.equal(status, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(error, expected);
  }
});

test('help names every command, and every option and example of a command', async () => {
  for (const argv of [['help'], ['--help'], ['-h']]) {
    const { status, out } = await domb(argv);
    assert.equal(status, 0);
    const width = Math.max(...commands.map(({ name }) => name.length));
    for (const { name, summary } of commands)
      assert.ok(out.includes(`  ${name.padEnd(width)}  ${summary}`));
  }
  for (const command of commands) {
    const words = command.name.split(' ');
    const { out } = await domb(['help', ...words]);
    for (const form of ['--help', '-h', '-qh']) {
      const asked = await domb([...words, form]);
      assert.deepEqual(asked, { status: 0, out, error: '' }, form);
    }
    for (const option of command.options) assert.ok(out.includes(`--${option.name}`));
    for (const example of command.examples) assert.ok(out.includes(`\n  ${example.command}\n`));
    for (const line of out.split('\n')) assert.ok(line.length <= 80 || line.startsWith('  '), line);
  }
});

test('help on the first word of commands of two lists them', async () => {
  const { status, out } = await domb(['help', 'enroll']);
  assert.equal(status, 0);
  const below = commands.filter(({ name }) => name.startsWith('enroll '));
  for (const { name, summary } of below)
    assert.match(out, new RegExp(`^  ${name} +${summary}$`, 'm'));
  assert.deepEqual(await domb(['enroll', '--help']), { status: 0, out, error: '' });
});

test('usage lines show the options that must be given', async () => {
  const line = async (name: string) => /^Usage: .*/m.exec((await domb(['help', name])).out)?.[0];
  assert.equal(
    await line('image'),
    'Usage: domb image --images DIR --output FILE [OPTION]... FILE',
  );
  assert.equal(
    await line('verify'),
    'Usage: domb verify (--nonce HEX | --boot) [OPTION]... [EVIDENCE]',
  );
});

test('examples use commands and options that there are', () => {
  for (const { command } of commands.flatMap((each) => each.examples)) {
    for (const [, rest = ''] of command.matchAll(/\bdomb ([^)|>]*)/g)) {
      const used = namedCommand(rest.split(' '))?.command;
      assert.ok(used, command);
      for (const [, option] of rest.matchAll(/--([a-z-]+)/g)) {
        assert.ok(
          used.options.some((each) => each.name === option),
          command,
        );
      }
    }
  }
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(file('package.json'), 'utf8'));
  assert.equal(program.version, version);
  assert.equal((await domb(['--version'])).out, `domb ${version}\n`);
});

test('manual page and docs/command-line.md are those that the commands give', async () => {
  assert.ok(generated.size > 1);
  for (const [path, text] of generated) {
    const page = await readFile(file(path), 'utf8');
    assert.equal(page, text(), `${path} is stale: run node cli/generate.ts`);
  }
});

test('the manual page shows without complaints', () => {
  const { status, stdout, stderr } = spawnSync('man', ['--warnings', file('docs/man/domb.1')]);
  // A minimal system has no man.
  if (status !== null) assert.deepEqual([status, `${stderr}`], [0, ''], `${stdout}`);
});

test('the completion for bash completes commands, options, properties and files', async () => {
  const { out: script } = await domb(['completion', 'bash']);
  const complete = (...words: string[]): string[] => {
    const body = `${script}
      COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _domb; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const options = { cwd: file('.'), encoding: 'utf8' as const };
    return execFileSync('bash', ['-c', body, 'bash', 'domb', ...words], options)
      .trim()
      .split('\n');
  };
  assert.deepEqual(complete('va'), ['validate']);
  assert.deepEqual(complete('validate', '--pl'), ['--platform-memory', '--platform-cpus']);
  assert.deepEqual(complete('validate', '--images', 'boot-conf'), ['boot-configs']);
  assert.deepEqual(complete('validate', 'package.js'), ['package.json']);
  assert.deepEqual(complete('explain', 'domains.mem'), ['domains.memory']);
  assert.deepEqual(complete('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(complete('help', 'exp'), ['export', 'explain']);
  assert.deepEqual(complete('schema', '--version', ''), ['1', '2']);
  assert.deepEqual(complete('enr'), ['enroll']);
  assert.deepEqual(complete('enroll', 'ch'), ['challenge', 'check']);
  assert.deepEqual(complete('enroll', 'check', '--se'), ['--secret']);
  assert.deepEqual(complete('enroll', 'challenge', '--ek-roots', 'package.js'), ['package.json']);
  assert.deepEqual(complete('help', 'enroll', 'per'), ['persist']);
  assert.deepEqual(complete('image', '-o', 'package.js'), ['package.json']);
  assert.deepEqual(complete('validate', '--platform-memory', ''), ['']);
});

test('the completion for zsh knows every command and option', async () => {
  const { out: script } = await domb(['completion', 'zsh']);
  assert.match(script, /^#compdef domb\n/);
  for (const command of commands) {
    const name = command.name.includes(' ') ? `"${command.name}"` : command.name;
    const [, section = ''] = script.split(`\n    ${name})\n`);
    const own = section.split(';;')[0] ?? '';
    for (const option of command.options) assert.ok(own.includes(`--${option.name}`), option.name);
  }
});
