/**
 * For tests in which the real time decides, such as that a call is answered before its next look
 * would be: the machine itself may stand still for that long, though hardly three times.
 */
export const MAY_STALL = { retry: 2 } as const;
