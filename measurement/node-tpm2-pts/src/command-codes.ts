/** TPM_CC of the commands this package knows by name; `Tpm.execute` takes any other as a number. TPM 2.0 Library, Part 2, 6.5.2. */
export const COMMAND_CODES = {
  EvictControl: 0x120,
  HierarchyControl: 0x121,
  NV_UndefineSpace: 0x122,
  NV_DefineSpace: 0x12a,
  PCR_Allocate: 0x12b,
  CreatePrimary: 0x131,
  NV_Increment: 0x134,
  NV_Extend: 0x136,
  NV_Write: 0x137,
  NV_WriteLock: 0x138,
  NV_ChangeAuth: 0x13b,
  PCR_Reset: 0x13d,
  SelfTest: 0x143,
  Startup: 0x144,
  Shutdown: 0x145,
  ActivateCredential: 0x147,
  Certify: 0x148,
  PolicyNV: 0x149,
  GetTime: 0x14c,
  NV_Read: 0x14e,
  PolicySecret: 0x151,
  Create: 0x153,
  Load: 0x157,
  Quote: 0x158,
  Sign: 0x15d,
  Unseal: 0x15e,
  FlushContext: 0x165,
  LoadExternal: 0x167,
  NV_ReadPublic: 0x169,
  PolicyAuthorize: 0x16a,
  PolicyAuthValue: 0x16b,
  PolicyCommandCode: 0x16c,
  PolicyOR: 0x171,
  ReadPublic: 0x173,
  StartAuthSession: 0x176,
  VerifySignature: 0x177,
  GetCapability: 0x17a,
  GetRandom: 0x17b,
  GetTestResult: 0x17c,
  PCR_Read: 0x17e,
  PolicyPCR: 0x17f,
  ReadClock: 0x181,
  PCR_Extend: 0x182,
  NV_Certify: 0x184,
  PolicyGetDigest: 0x189,
} as const;

export type CommandName = keyof typeof COMMAND_CODES;

/** The TPM_CC of a command given by name or by number. */
export function commandCode(command: CommandName | number): number {
  if (typeof command === 'string') return COMMAND_CODES[command];
  if (Number.isInteger(command) && command >= 0 && command <= 0xffffffff) return command;
  throw new RangeError(`command code ${command}: expected a TPM_CC, a number of 32 bits`);
}

/** The name of a command in messages: `TPM2_PCR_Extend`, or `TPM2 command 0x20000000` for one not known here. */
export function commandTitle(command: CommandName | number): string {
  const names = Object.keys(COMMAND_CODES) as CommandName[];
  const name =
    typeof command === 'string' ? command : names.find((one) => COMMAND_CODES[one] === command);
  return name === undefined ? `TPM2 command 0x${command.toString(16)}` : `TPM2_${name}`;
}
