import { MOST_CMDLINE } from '../../domains/rules/cmdline.ts';
import { VTPM_BANKS, vtpmBanksIn } from '../../domains/vtpm-banks.ts';
import { VTPM_KEYS, vtpmKeysIn } from '../../domains/vtpm-keys.ts';
import { vtpmParametersIn, withVtpmParameter } from '../../domains/vtpm-parameter.ts';
import type { Check } from '../checks/check.ts';
import { asksNothing, type Details, property } from './property.ts';

export const cmdlineLength: Check = {
  rule: 'cmdline-length',
  says: 'A cmdline has at most 1023 characters for a pv domain, 2047 for a pvh or hvm domain.',
  run({ domains }, report) {
    for (const { path, type, cmdline = '', vtpm } of domains) {
      const backend = domains.find(({ name }) => name !== undefined && name === vtpm);
      const given =
        backend?.domid === undefined ? cmdline : withVtpmParameter(cmdline, backend.domid);
      if (type === undefined || given.length <= MOST_CMDLINE[type]) continue;
      const added = given.length > cmdline.length ? ', with what domB adds for its vtpm,' : '';
      report(
        [...path, 'cmdline'],
        `${given.length} characters${added} are more than the ${MOST_CMDLINE[type]} that a kernel is given under ${type}`,
        'shorten it, or pass settings through the ramdisk',
      );
    }
  },
};

export const cmdlineVtpm: Check = {
  rule: 'cmdline-vtpm',
  says: 'A cmdline names no other domain as the one that serves its vTPM than vtpm does.',
  run({ domains }, report) {
    for (const { path, cmdline = '', vtpm, refused } of domains) {
      const backend = domains.find(({ name }) => name !== undefined && name === vtpm);
      const right = backend?.domid;
      const wrong = vtpmParametersIn(cmdline).find((value) => value !== String(right));
      if (wrong === undefined || refused('vtpm') || (vtpm !== undefined && right === undefined)) {
        continue;
      }
      report(
        [...path, 'cmdline'],
        `domb.vtpm=${wrong} is not what "vtpm" says`,
        'leave domb.vtpm out: domB adds it where a domain has a vtpm',
      );
    }
  },
};

export const cmdlineVtpmBanks: Check = {
  rule: 'cmdline-vtpm-banks',
  says: `In a cmdline, domb.vtpm-banks names banks that a vTPM can have: ${VTPM_BANKS.join(', ')}.`,
  run({ domains }, report) {
    for (const { path, cmdline = '' } of domains) {
      const banks = vtpmBanksIn(cmdline);
      if (typeof banks !== 'string') continue;
      report(
        [...path, 'cmdline'],
        `domb.vtpm-banks names "${banks}", which is no bank that a vTPM can have`,
        `name some of ${VTPM_BANKS.join(', ')}, with commas between them`,
      );
    }
  },
};

export const cmdlineVtpmKeys: Check = {
  rule: 'cmdline-vtpm-keys',
  says: `In a cmdline, domb.vtpm-keys names keys of vTPMs that are certified: ${VTPM_KEYS.join(', ')}.`,
  run({ domains }, report) {
    for (const { path, cmdline = '' } of domains) {
      const keys = vtpmKeysIn(cmdline);
      if (typeof keys !== 'string') continue;
      report(
        [...path, 'cmdline'],
        `domb.vtpm-keys names "${keys}", which is no key of a vTPM`,
        `name some of ${VTPM_KEYS.join(', ')}, with commas between them`,
      );
    }
  },
};

export const cmdlineProperty = property({
  checks: [cmdlineLength, cmdlineVtpm, cmdlineVtpmBanks, cmdlineVtpmKeys],
  read: ({ cmdline = '' }) => ({ cmdline }),
  asks: asksNothing,
  shown: {
    with: 'measure-image',
    details: ({ cmdline }, { image }): Details =>
      image?.component === 'cmdline' ? { text: JSON.stringify(cmdline) } : {},
  },
  honouredBy: ['build', 'measurement'],
  changeable: true,
});
