import { atCreation, property } from './property.ts';

/** Whether a policy knows it, `domb validate --policy` checks, and each boot. */
export const seclabelProperty = property({
  checks: [],
  read: ({ seclabel }) => ({ seclabel }),
  asks: ({ seclabel }) => ({ seclabel }),
  shown: atCreation(({ seclabel }) => ({ seclabel })),
  honouredBy: ['creation', 'measurement', 'record'],
  changeable: false,
});
