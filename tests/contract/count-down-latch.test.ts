import { countDownLatchContract, countDownLatchObjects } from "./count-down-latch.contract.js";
import { everywhere } from "./fixture.js";

everywhere("CountDownLatch", countDownLatchObjects, countDownLatchContract);
