import type { CheckId } from '../verdict.ts';
import { judgeBoot, judgeReadBack, judgeScripts } from './boot.ts';
import { judgeBootQuote } from './boot-quote.ts';
import { judgeFiles } from './files.ts';
import { judgeFirmwareLog } from './firmware-log.ts';
import { judgeFirmware, judgeLaunchChain, judgeSecureBoot } from './firmware-registers.ts';
import { judgeHypervisor } from './hypervisor.ts';
import { judgeItems } from './items.ts';
import type { Judge } from './judge.ts';
import { judgeEkCertificate, judgeKey } from './keys.ts';
import { judgeBootLog, judgeLog, judgeRegisters } from './logs.ts';
import { judgeQuote } from './quote.ts';

/** Who looks at what. The compiler wants exactly one judge for each check; the order is that of the checks in verdict.ts. */
export const judges: { readonly [check in CheckId]: Judge } = {
  evidence: judgeFiles,
  quote: judgeQuote,
  key: judgeKey,
  'ek-certificate': judgeEkCertificate,
  log: judgeLog,
  'boot-log': judgeBootLog,
  registers: judgeRegisters,
  'boot-quote': judgeBootQuote,
  'firmware-log': judgeFirmwareLog,
  'launch-chain': judgeLaunchChain,
  'secure-boot': judgeSecureBoot,
  firmware: judgeFirmware,
  items: judgeItems,
  hypervisor: judgeHypervisor,
  scripts: judgeScripts,
  'read-back': judgeReadBack,
  boot: judgeBoot,
};
