import type { Meanings } from './meaning.ts';

const heading = `# Permission map for setools (seinfoflow, apol) of the classes of Xen's FLASK: for each permission which way information goes
# when it is used (r from target to source, w from source to target, b both, n none), and how much: 10 memory and registers at
# will, 8 pages and devices that both sides have, 6 messages, 4 settings and reports, 2 signals, 1 hardly anything.
# Generated from boot-configs/policy/meaning by npm run generate: not to be edited.
`;

/** The file that setools reads: number of classes, then each class with the number of its permissions. */
export function permissionMap(meanings: Meanings): string {
  const classes = Object.entries(meanings).map(([name, permissions]) => {
    const rows = Object.entries(permissions).map(
      ([permission, [, direction, weight]]) =>
        `${permission.padStart(24)} ${direction} ${String(weight).padStart(2)}\n`,
    );
    return `\nclass ${name} ${rows.length}\n${rows.join('')}`;
  });
  return `${heading}\n${classes.length}\n${classes.join('')}`;
}
