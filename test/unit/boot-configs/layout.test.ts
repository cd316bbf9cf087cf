/** Texts that are not valid YAML because of how their lines are laid out: what is said of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDocument } from 'yaml';
import { layoutFaults } from '../../../boot-configs/yaml/layout.ts';
import { refused } from './support.ts';

const good = `version: 2
platform:
  on_failure: halt
domains:
  - name: dom0
    domid: 0
    type: pv
    memory: 512MiB
    capabilities: [control, hardware, xenstore]
`;

const indented = (what: string, by: string, right: number) =>
  `this ${what} is indented by ${by}, the ${what}s that it belongs to by ${right}`;

/** Name; what is replaced by what; place and message; hint. */
const cases: [string, string, string, string[], string[]][] = [
  [
    'a key too far left',
    '    domid',
    '   domid',
    ['6:4', indented('key', '3 spaces', 4)],
    ['indent it by 4 spaces, like "name" in line 5'],
  ],
  [
    'a key too far right',
    '    domid',
    '     domid',
    ['6:6', indented('key', '5 spaces', 4)],
    ['indent it by 4 spaces, like "name" in line 5'],
  ],
  [
    'a key in the middle',
    '    type',
    '      type',
    ['7:7', indented('key', '6 spaces', 4)],
    ['indent it by 4 spaces, like "name" in line 5'],
  ],
  [
    'a key below the dash',
    '    type',
    '  type',
    ['7:3', indented('key', '2 spaces', 4)],
    ['indent it by 4 spaces, like "name" in line 5'],
  ],
  [
    'a key at the beginning of the line',
    '    type',
    'type',
    ['7:1', indented('key', '0 spaces', 4)],
    ['indent it by 4 spaces, like "name" in line 5'],
  ],
  [
    'an item too far left',
    '    memory',
    '- name: a\n  memory',
    ['8:1', indented('item', '0 spaces', 2)],
    ['indent it by 2 spaces, like the item in line 5'],
  ],
  [
    'an item too far right',
    '    memory',
    '    - name: a\n      memory',
    ['8:5', indented('item', '4 spaces', 2)],
    ['indent it by 2 spaces, like the item in line 5'],
  ],
  [
    'a key beside a value',
    'domains:',
    ' domains:',
    ['4:2', indented('key', '1 space', 2)],
    ['indent it by 2 spaces, like "on_failure" in line 3'],
  ],
  [
    'a first line with spaces',
    'version',
    ' version',
    ['2:1', 'this line is not indented, and line 1, which it belongs to, is by 1 space'],
    ['begin line 1 without spaces'],
  ],
  [
    'items in two columns',
    '[control',
    '\n    - control\n   - hardware\n    - [',
    ['11:4', indented('item', '3 spaces', 4)],
    ['indent it by 4 spaces, like the item in line 10'],
  ],
  [
    'no space behind the dash',
    '- name',
    '-name',
    ['5:3', 'no space stands behind the dash'],
    ['write "- name: dom0"'],
  ],
  [
    'no space behind the colon',
    'type: pv',
    'type:pv',
    ['7:5', 'no space stands behind the colon'],
    ['write "type: pv"'],
  ],
  [
    'no colon',
    'type: pv',
    'type pv',
    ['7:5', 'no colon stands behind the key'],
    ['write "type: pv"'],
  ],
  [
    'an equals sign',
    'type: pv',
    'type = pv',
    ['7:5', 'no colon stands behind the key'],
    ['write "type: pv"'],
  ],
  [
    'a tab',
    '    type',
    '\ttype',
    ['7:1', 'a tab stands in the indentation'],
    ['indent with spaces'],
  ],
  [
    'a tab behind spaces',
    '    type',
    '  \ttype',
    ['7:3', 'a tab stands in the indentation'],
    ['indent with spaces'],
  ],
  [
    'an open bracket',
    'xenstore]',
    'xenstore',
    ['9:19', 'this bracket is never closed'],
    ['close it at the end of the value'],
  ],
  [
    'an open bracket before a key',
    '    type',
    '    after: [a,\n    type',
    ['7:12', 'this bracket is never closed'],
    ['close it at the end of the value'],
  ],
  [
    'a value that goes on too far left',
    '    type',
    '    cmdline: quiet\n  root=/dev/xvda\n    type',
    ['8:3', 'this line is neither a key nor an item of a list'],
    ['indent a value that goes on deeper than its key; write "key: value" for a key'],
  ],
];

for (const [name, from, to, [place, message], [hint]] of cases) {
  test(name, () => {
    const { problems } = refused(good.replace(from, to));
    assert.deepEqual(
      problems.map((problem) => [`${problem.line}:${problem.col}`, problem.message, problem.hint]),
      [[place, message, hint]],
    );
    assert.equal(problems[0]?.rule, 'yaml-syntax');
  });
}

test('lines with the same fault are reported once, others each', () => {
  const text = good
    .replace('    type: pv\n    memory', '   type: pv\n   memory')
    .replace('  on', '  x: 1\n   on');
  assert.deepEqual(
    refused(text).problems.map(({ line, message }) => [line, message]),
    [
      [4, indented('key', '3 spaces', 2)],
      [8, indented('key', '3 spaces', 4)],
    ],
  );
});

test('lines that end in CR LF are looked at like others', () => {
  const text = good.replace('    type: pv', '   type: pv # x').replaceAll('\n', '\r\n');
  assert.deepEqual(
    refused(text).problems.map(({ line, col, message }) => [line, col, message]),
    [[7, 4, indented('key', '3 spaces', 4)]],
  );
});

test('nothing is said of the layout of valid YAML', () => {
  const directory = new URL('../../../boot-configs/', import.meta.url);
  for (const folder of ['./', './invalid/']) {
    const names = readdirSync(new URL(folder, directory)).filter((name) => name.endsWith('.yaml'));
    for (const name of names) {
      const text = readFileSync(new URL(`${folder}${name}`, directory), 'utf8');
      if (parseDocument(text, { uniqueKeys: false }).errors.length > 0) continue;
      assert.deepEqual(layoutFaults(text), [], name);
    }
  }
});

const valid: Record<string, string> = {
  'a text behind |': 'a:\n  b: |\n    x: 1\n   y\n  c: 2\n'.replace('   y', '     y'),
  'a folded text in a list': '- >-\n  a: b\n  c\n- d\n',
  'brackets over lines': 'a: [\n  {b: 1,\nc: 2},\n]\nd: e\n'.replace('\nc', '\n   c'),
  'a list below its key': 'a:\n- b: 1\n  c: 2\n-\n  d: 3\ne: 4\n',
  'lists in lists': '- - a\n  - b\n- - c\n',
  'a value that goes on': 'a: b\n  c\n  d = e\nf: g\n',
  'anchors and comments': 'a: &x # one\n  b: 1\n# two\nc: *x\n',
  'keys in quotes': '"a b": 1\n\'c\': 2\n',
  'a document mark': '---\na: 1\n',
  JSON: '{\n "a": [\n  1\n ]\n}\n',
};

for (const [name, text] of Object.entries(valid)) {
  test(`nothing is said of ${name}`, () => {
    assert.deepEqual(parseDocument(text).errors, []);
    assert.deepEqual(layoutFaults(text), []);
  });
}

test('a hostile text costs nothing', () => {
  const started = process.cpuUsage();
  for (const line of [
    `${'" '.repeat(2000)}\n`,
    `a${' '.repeat(4000)}\n`,
    `[${'\\"'.repeat(2000)}\n`,
    `${'a: '.repeat(1300)}\n`,
  ]) {
    layoutFaults(line.repeat(60));
  }
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 2_000_000, `${user + system} us`);
});
