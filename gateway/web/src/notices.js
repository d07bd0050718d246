// What a group's conversation says by itself: who came, who went, and what was refused.

import { t } from "./words.js";

const SAID = {
  made: "group_said_made", invited: "group_said_invited", come: "group_said_come", gone: "group_said_gone",
  renewed: "group_said_renewed", renamed: "group_said_renamed", joined: "group_said_joined", left: "group_said_left",
  you_joined: "group_said_you_joined", you_left: "group_said_you_left", you_out: "group_said_you_out",
  no_removed: "group_said_no_removed", no_false: "group_said_no_false", no_older: "group_said_no_older",
  no_conflict: "group_said_no_conflict", no_far: "group_said_no_far",
};

// notice: {what, who, name}, as group_mail.js keeps it.
export const noticeText = ({ what, who = "", name = "" }) => t(SAID[what], { who, name });
