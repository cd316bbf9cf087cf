import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { commands, program } from '../../../cli/commands.ts';
import { manualFile } from '../../../cli/generate.ts';
import { manual } from '../../../cli/manual.ts';
import { file, run } from './support.ts';

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
    [['completion', 'fish'], /choose bash or zsh/],
    [['help', 'plam'], /did you mean "domb help plan"\?/],
    [[], /^domb: .*\n\nUsage: /],
  ];
  for (const [argv, expected] of cases) {
    const { status, out, error } = await run(argv);
    assert.equal(status, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(error, expected);
  }
});

test('help names every command, and every option and example of a command', async () => {
  for (const argv of [['help'], ['--help'], ['-h']]) {
    const { status, out } = await run(argv);
    assert.equal(status, 0);
    for (const { name, summary } of commands)
      assert.ok(out.includes(`  ${name.padEnd(10)}  ${summary}`));
  }
  for (const command of commands) {
    const { out } = await run(['help', command.name]);
    assert.deepEqual(await run([command.name, '--help']), { status: 0, out, error: '' });
    for (const option of command.options) assert.ok(out.includes(`--${option.name}`));
    for (const example of command.examples) assert.ok(out.includes(`\n  ${example.command}\n`));
    for (const line of out.split('\n')) assert.ok(line.length <= 80 || line.startsWith('  '), line);
  }
});

test('examples use commands and options that there are', () => {
  for (const { command } of commands.flatMap((each) => each.examples)) {
    for (const [, name, rest = ''] of command.matchAll(/\bdomb (\w+)([^)|>]*)/g)) {
      const used = commands.find((each) => each.name === name);
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
  assert.equal((await run(['--version'])).out, `domb ${version}\n`);
});

test('the manual page is the one that the commands give', async () => {
  const page = await readFile(manualFile, 'utf8');
  assert.equal(page, manual(), 'docs/man/domb.1 is stale: run node cli/generate.ts');
});

test('the completion for bash completes commands, options, properties and files', async () => {
  const { out: script } = await run(['completion', 'bash']);
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
  assert.deepEqual(complete('completion', ''), ['bash', 'zsh']);
  assert.deepEqual(complete('help', 'ex'), ['explain']);
  assert.deepEqual(complete('schema', '--version', ''), ['1', '2']);
  assert.deepEqual(complete('image', '-o', 'package.js'), ['package.json']);
  assert.deepEqual(complete('validate', '--platform-memory', ''), ['']);
});

test('the completion for zsh knows every command and option', async () => {
  const { out: script } = await run(['completion', 'zsh']);
  assert.match(script, /^#compdef domb\n/);
  for (const command of commands) {
    const [, section = ''] = script.split(`\n    ${command.name})\n`);
    const own = section.split(';;')[0] ?? '';
    for (const option of command.options) assert.ok(own.includes(`--${option.name}`), option.name);
  }
});

test('as a program it sets the exit status and survives a reader that stops early', () => {
  const main = file('cli/main.ts');
  const good = spawnSync(process.execPath, [main, 'validate', '-'], { input: 'version: 7' });
  assert.equal(good.status, 1);
  assert.match(good.stderr.toString(), /^<stdin>:1:10: version/);
  const early = spawnSync('sh', ['-c', `"$0" "$1" schema | head -c 1`, process.execPath, main]);
  assert.equal(early.stderr.toString(), '');
  assert.equal(early.stdout.toString(), '{');
});
