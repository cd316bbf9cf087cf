import type { Check } from './check.ts';

/** What every domain needs, with the form that it has. */
export const requiredProperties = [
  ['type', 'pv, pvh or hvm'],
  ['memory', 'a size such as 512MiB'],
  ['kernel', 'the path of the kernel in the image directory'],
  ['seclabel', 'user:role:type'],
] as const;

/** Stands here and not in the schema, because `defaults` may give these properties. */
export const requiredSomewhere: Check = {
  rule: 'missing-property',
  says: 'Every domain has type, memory, kernel and seclabel, its own or from defaults.',
  run({ domains }, report) {
    for (const domain of domains) {
      for (const [property, form] of requiredProperties) {
        if (domain[property] !== undefined || domain.refused(property)) continue;
        report(
          [...domain.path, property],
          'this property is missing',
          `add "${property}": ${form}`,
        );
      }
    }
  },
};
