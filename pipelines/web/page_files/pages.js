// Say when the lake has a newer version. Everything else works without this script.
(function () {
  "use strict";
  var shown = document.body.getAttribute("data-versions");
  var newer = document.getElementById("newer");
  if (!shown || !newer) { return; }
  function look() {
    if (document.hidden) { return; }
    fetch("/state.json", { credentials: "same-origin" }).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (state) {
      if (state && state.versions !== shown) { newer.hidden = false; }
    }).catch(function () { return null; });
  }
  setInterval(look, 10000);
  document.addEventListener("visibilitychange", look);
})();
