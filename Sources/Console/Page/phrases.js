"use strict";
// What the page says, in each of its languages. What the daemon says comes as it is.
const PHRASES = {
  en: {
    other: "中文", skip: "To the content", settings: "Settings", token: "Token…", now: "Now", learning: "Learning over time",
    learningNote: "Every example is predicted before it is learned. Normalised entropy below 1 is better than always saying the base rate; a ratio of 1 means that as many buy as were expected to.",
    head: "What is predicted", click: "click", purchase: "purchase", neChart: "Normalised entropy by window; the line at 1 is the base rate", calibrationChart: "Predicted by observed, by window; the line at 1 is exact",
    figures: "The figures", effects: "What discounts do",
    effectsNote: "Change of the logit by unit of −log(1 − discount), with 95 % intervals, as the rows have it. The square is what decisions use.",
    step: "any discount at all", slope: "depth, all categories", category: "category", inContext: "where", served: "used", interval: "95 % interval",
    spread: "Shoppers' own slopes spread about these with a standard deviation of {n}. Learned from {rows} rows, {decided} of them our own decisions.",
    ofPurchases: "Purchases of visits", ofViews: "Purchases of views", noEffects: "No discount has been learned from yet.",
    events: "What happened", snapshots: "Snapshots", snapshotsNote: "The bars are the times in which a snapshot was champion. Choose two snapshots to see what changed between them.",
    offers: "Newest recommendations", whatif: "What if", shopper: "Shopper", item: "Item", price: "List price", context: "Context", ask: "Ask", letters: "Dead letters by reason", audit: "Who changed what",
    throughputChart: "Events a second, while this page is open", lagChart: "Records behind, while this page is open",
    healthy: "Healthy: {r}", notReady: "{r}", stuck: "Stuck: {r}", lost: "No answer from the daemon since {t}: {r}", locked: "This address needs a token for reading.", loading: "Asking the daemon…",
    pausedLearning: "Learning is paused since {t} by {w}: {r}", pausedPublishing: "Publishing is paused since {t} by {w}: {r}", notPublished: "Not published: {r}", noBroker: "No broker has answered for {n} s",
    updated: "updated {t}", rate: "events a second", lagTile: "records behind", delay: "behind the clock", lastData: "since the last record", examples: "examples learned", offered: "offers published", waiting: "waiting to be sent", open: "offers open", items: "items", shoppers: "shoppers", activity: "learning thread", unknown: "unknown",
    pauseLearning: "Pause learning…", resumeLearning: "Resume learning…", pausePublishing: "Pause publishing…", resumePublishing: "Resume publishing…", take: "Take a snapshot…",
    inoperable: "Nothing can be changed over HTTP: http.token_file names no token.",
    window: "window", time: "time", count: "examples", positives: "positive", baseRate: "base rate", ne: "NE", ratio: "ratio", noWindows: "No example has been learned yet.",
    laneRefresh: "refreshes", laneGate: "gates", laneDrift: "drift", laneShift: "label shifts", laneSnapshot: "snapshots, rollbacks", laneTrouble: "trouble", kind: "kind", what: "what", noEvents: "Nothing has happened since the start.",
    snapshot: "snapshot", taken: "taken", upTo: "events up to", names: "names", championTimes: "champion", compare: "compare", rollback: "Roll back…", now2: "now", noSnapshots: "There are no snapshots yet.",
    diffOf: "From {a} to {b}, {n} commits", table: "weights", changed: "changed", added: "added", removed: "removed", metric: "metric", total: "total", before: "before", after: "after", partition: "partition", configuration: "Configuration", same: "nothing differs",
    discount: "discount", newPrice: "price", conversion: "conversion", gain: "margin gained", policy: "policy", reasons: "what speaks for it", noOffers: "No recommendation has been made yet.", askAbout: "What if?",
    advice0: "No discount: {p}", advice: "{d} off: {p} instead of {l}", holdout: "this shopper is held out", rules: "rules: {r}", unknownItem: "the catalogue does not know this item", depth: "Depth", atDepth: "At {d} off: price about {p}, conversion {c} (95 %: {lo} to {hi}){m}", marginAt: ", expected margin about {m}", known: "{c} clicks and {p} purchases known of this shopper",
    demandChart: "Conversion by discount, with 95 % intervals",
    noLetters: "Every record could be used.", newestLetters: "The newest", reason: "Reason", who: "Your name", secret: "Token", cancel: "Cancel", confirm: "Do it", dryRun: "Dry run", rewind: "Rewind: take the whole learned state back, and learn the stream again", skipField: "Never learn again (topic:partition:from-to)", secretNote: "Kept in this page's memory until it is closed, and nowhere else.", save: "Use it", rollbackTo: "Roll back to {s}", names2: "Tags, separated by blanks",
    wouldGo: "Back from {h} to {s}, taken {t}, {n} commits ago; verified. Rows that would go back: {r}.", went: "The new head is snapshot {s}.", done: "Done.", offsetsBack: "Offsets that go back: {o}.", first: "Make a dry run first.",
    action: "action", by: "by", at: "at", noAudit: "Nobody has changed anything yet.", kept: "kept whole", ago: "{n} s ago",
  },
  zh: {
    other: "English", skip: "跳到内容", settings: "设置", token: "令牌…", now: "当前状态", learning: "学习过程",
    learningNote: "每个样本都是先预测、后学习。归一化熵低于 1 说明优于只猜基准率；比值为 1 说明实际购买数与预测相符。",
    head: "预测对象", click: "点击", purchase: "购买", neChart: "各窗口的归一化熵；1 处的线是基准率", calibrationChart: "各窗口的预测数与实际数之比；1 处的线表示完全准确",
    figures: "数据表", effects: "折扣的作用",
    effectsNote: "每单位 −log(1 − 折扣) 引起的 logit 变化，附 95% 区间，按数据原样。方块是决策实际使用的值。",
    step: "有无折扣", slope: "折扣深度（全部类目）", category: "类目", inContext: "情境", served: "采用值", interval: "95% 区间",
    spread: "顾客个人斜率围绕上述值的标准差为 {n}。学习自 {rows} 行数据，其中 {decided} 行是本系统的决策。",
    ofPurchases: "访问后的购买", ofViews: "浏览后的购买", noEffects: "尚未学到任何折扣。",
    events: "事件", snapshots: "快照", snapshotsNote: "横条表示快照担任冠军的时段。选择两个快照可查看差异。",
    offers: "最新推荐", whatif: "假设分析", shopper: "顾客", item: "商品", price: "标价", context: "情境", ask: "查询", letters: "死信（按原因）", audit: "操作记录",
    throughputChart: "每秒事件数（页面打开期间）", lagChart: "积压记录数（页面打开期间）",
    healthy: "正常：{r}", notReady: "{r}", stuck: "卡住：{r}", lost: "自 {t} 起守护进程没有应答：{r}", locked: "此地址的读取需要令牌。", loading: "正在查询守护进程…",
    pausedLearning: "学习自 {t} 起被 {w} 暂停：{r}", pausedPublishing: "发布自 {t} 起被 {w} 暂停：{r}", notPublished: "未能发布：{r}", noBroker: "{n} 秒内没有 broker 应答",
    updated: "更新于 {t}", rate: "每秒事件", lagTile: "积压记录", delay: "落后时钟", lastData: "距上条记录", examples: "已学样本", offered: "已发布推荐", waiting: "待发送", open: "未结推荐", items: "商品", shoppers: "顾客", activity: "学习线程", unknown: "未知",
    pauseLearning: "暂停学习…", resumeLearning: "恢复学习…", pausePublishing: "暂停发布…", resumePublishing: "恢复发布…", take: "创建快照…",
    inoperable: "无法通过 HTTP 更改：http.token_file 未指定令牌。",
    window: "窗口", time: "时间", count: "样本", positives: "正样本", baseRate: "基准率", ne: "NE", ratio: "比值", noWindows: "尚未学习任何样本。",
    laneRefresh: "刷新", laneGate: "关卡", laneDrift: "漂移", laneShift: "标签突变", laneSnapshot: "快照与回滚", laneTrouble: "异常", kind: "类型", what: "内容", noEvents: "启动以来没有事件。",
    snapshot: "快照", taken: "创建时间", upTo: "事件截至", names: "名称", championTimes: "冠军时段", compare: "比较", rollback: "回滚…", now2: "现在", noSnapshots: "还没有快照。",
    diffOf: "从 {a} 到 {b}，{n} 次提交", table: "权重", changed: "变更", added: "新增", removed: "移除", metric: "指标", total: "累计", before: "之前", after: "之后", partition: "分区", configuration: "配置", same: "没有差异",
    discount: "折扣", newPrice: "价格", conversion: "转化率", gain: "毛利增量", policy: "策略", reasons: "依据", noOffers: "还没有推荐。", askAbout: "假设？",
    advice0: "不打折：{p}", advice: "优惠 {d}：{p}，原价 {l}", holdout: "该顾客属于对照组", rules: "生效规则：{r}", unknownItem: "目录中没有该商品", depth: "折扣深度", atDepth: "优惠 {d} 时：价格约 {p}，转化率 {c}（95%：{lo} 至 {hi}）{m}", marginAt: "，预期毛利约 {m}", known: "已知该顾客 {c} 次点击、{p} 次购买",
    demandChart: "各折扣下的转化率，附 95% 区间",
    noLetters: "所有记录均可使用。", newestLetters: "最新的", reason: "原因", who: "您的姓名", secret: "令牌", cancel: "取消", confirm: "执行", dryRun: "试运行", rewind: "倒回：整个学习状态退回，并重新学习数据流", skipField: "不再学习的范围（topic:partition:from-to）", secretNote: "只保存在本页内存中，关闭即失。", save: "使用", rollbackTo: "回滚到 {s}", names2: "标签，以空格分隔",
    wouldGo: "从 {h} 退回到 {s}（{t} 创建，{n} 次提交之前）；已校验。将退回的行：{r}。", went: "新的当前快照是 {s}。", done: "完成。", offsetsBack: "退回的偏移：{o}。", first: "请先试运行。",
    action: "操作", by: "操作者", at: "时间", noAudit: "还没有任何更改。", kept: "完整保存", ago: "{n} 秒前",
  },
};
let language = (new URLSearchParams(location.search).get("lang") || navigator.language || "en").startsWith("zh") ? "zh" : "en";

/** The phrase of that name, with its blanks filled in. */
function say(name, values = {}) {
  const text = PHRASES[language][name] ?? PHRASES.en[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}
