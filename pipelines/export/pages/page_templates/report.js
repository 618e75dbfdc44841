// Sort, filter and copy the list. Without it the page shows the same rows in the order of the list.
(function () {
  "use strict";
  var words = JSON.parse(document.getElementById("words").textContent);
  var table = document.getElementById("list-table");
  if (!table) { return; }
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var tools = document.getElementById("tools");
  var said = document.getElementById("said");
  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
  }
  function key(row, column) {
    var cell = row.cells[column];
    var sort = cell.getAttribute("data-sort");
    return sort === null ? cell.textContent.trim().toLowerCase() : Number(sort);
  }
  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") { return one - other; }
    return String(one).localeCompare(String(other), document.documentElement.lang);
  }
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = fill(words.sort, { column: head.textContent });
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort(function (one, other) {
        var order = compare(key(one, column), key(other, column));
        return down ? -order : order;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
  var input = document.getElementById("filter");
  function filter() {
    var parts = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var keep = parts.every(function (part) { return text.indexOf(part) >= 0; });
      row.hidden = !keep;
      if (keep) { shown += 1; }
    });
    said.textContent = fill(words.filter_says, { shown: shown, all: rows.length });
  }
  input.addEventListener("input", filter);
  document.getElementById("copy").addEventListener("click", function () {
    var codes = rows.filter(function (row) { return !row.hidden; }).map(function (row) {
      return row.getAttribute("data-person");
    });
    var area = document.createElement("textarea");
    area.value = codes.join("\n");
    document.body.appendChild(area);
    area.select();
    if (document.execCommand("copy")) { said.textContent = words.copied; }
    area.remove();
  });
  tools.hidden = false;
  filter();
})();
