import {
  collectEvidence,
  type Evidence,
  readLogs,
  writeEvidence,
} from '../measurement/evidence/evidence.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import { verifyEvidence } from '../measurement/evidence/verify.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOver } from './handed-over.ts';
import { requiredNonce } from './nonce.ts';
import { safe } from './text.ts';
import { openTpm } from './tpm-device.ts';

/** `domb quote` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const nonce = requiredNonce(input);
  const { values } = input;
  const output = values.get('output') ?? 'evidence';
  const directory = values.get('logs') ?? handedOver.directory;
  return failing(async () => {
    const logs = await readLogs(directory);
    const log = readMeasurementLog(logs.log);
    const { pcr, banks } = log.target;
    const bootPcr = logs.bootLog && readMeasurementLog(logs.bootLog).target.pcr;
    const pcrs = bootPcr === undefined ? log.pcrs : [...log.pcrs, bootPcr];
    const tpm = await openTpm(values.get('device'));
    let evidence: Evidence;
    try {
      evidence = await collectEvidence(tpm, { ...logs, pcrs, banks, nonce });
    } finally {
      await tpm.close();
    }
    await writeEvidence(output, evidence);
    const { problems } = verifyEvidence(evidence, {
      nonce,
      pcr,
      ...(bootPcr === undefined ? {} : { bootPcr }),
    });
    terminal.write(`${output}: PCR 0 to 7, ${pcrs.join(', ')} in ${banks.join(', ')}\n`);
    for (const problem of problems) terminal.writeError(`will not verify: ${safe(problem)}\n`);
    return problems.length === 0 ? 0 : 3;
  });
}
