import type { Check } from './check.ts';

export const duplicateScript: Check = {
  rule: 'duplicate-script',
  says: 'No two scripts have the same name.',
  run({ scripts }, report) {
    const names = new Set<string>();
    for (const { name, path } of scripts) {
      if (name === undefined) continue;
      if (names.has(name)) {
        report(
          [...path, 'name'],
          `another script is called "${name}" already`,
          'choose another name; several scripts may run the same module',
        );
      }
      names.add(name);
    }
  },
};
