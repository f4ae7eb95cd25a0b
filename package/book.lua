-- book.lua - the chapters become one page: links between them lead to their headings. A chapter is a file with one heading of
-- level 1, so the n-th such heading belongs to the n-th file.
function Pandoc(doc)
  local chapters = {}
  for _, block in ipairs(doc.blocks) do
    if block.t == "Header" and block.level == 1 then
      table.insert(chapters, block.identifier)
    end
  end
  local files = PANDOC_STATE.input_files
  assert(#chapters == #files, #chapters .. " headings of level 1 in " .. #files .. " chapters")
  local anchors = {}
  for i, file in ipairs(files) do
    anchors[file] = "#" .. chapters[i]
  end
  return doc:walk({
    Link = function(link)
      if anchors[link.target] then
        link.target = anchors[link.target]
      elseif link.target:match("^%.%./") then
        return link.content  -- of the repository: not where the book is installed
      elseif not link.target:match("^%a+:") and not link.target:match("^#") then
        link.target = "../docs/" .. link.target
      end
      return link
    end,
  })
end
